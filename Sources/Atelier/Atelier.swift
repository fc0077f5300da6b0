/// Everything a program that trains, measures or uses generative models imports.
@_exported public import AtelierCore
@_exported public import AtelierData
@_exported public import AtelierEvaluation
@_exported public import AtelierGeneration
@_exported public import AtelierMedia
@_exported public import AtelierMetrics
@_exported public import AtelierModels
@_exported public import AtelierTraining
@_exported public import Perception
@_exported public import Torch
@_exported public import TorchNN
