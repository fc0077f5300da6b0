import AtelierCommand
import AtelierCore
import AtelierModels

AtelierTool.main(.standard)
