// Atelier's command line with a system that is defined here beside its own. Every verb knows it:
//
//   swift run OwnSystem train linear-vae --data /usr/share/datasets/fashion-mnist --steps 2000 --run own
//   swift run OwnSystem generate own --class 0 1 --output own.png
import Atelier
import AtelierCommand

AtelierTool.main(SystemRegistry(SystemRegistry.standard.systems + [LinearVAE.self]))
