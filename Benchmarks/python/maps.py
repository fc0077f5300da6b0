"""What SPADE and OASIS share: layers that a label map scales and shifts, as their authors run them."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import spectral_norm


def one_hot(label, classes):
    """`[batch, classes, height, width]` for `[batch, height, width]`."""
    shape = (len(label), classes, *label.shape[1:])
    return torch.zeros(shape).scatter_(1, label.unsqueeze(1), 1.0)


def initialise(module):
    """Xavier's normal weights at a gain of 0.02, no shifts."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        weight = module.weight_orig if hasattr(module, "weight_orig") else module.weight
        nn.init.xavier_normal_(weight.data, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Modulated(nn.Module):
    """Batch norm without parameters, then a scale and a shift at every pixel."""

    def __init__(self, channels, map_channels, hidden, norm):
        super().__init__()
        setattr(self, norm, nn.BatchNorm2d(channels, affine=False))
        self.norm = norm
        self.mlp_shared = nn.Sequential(nn.Conv2d(map_channels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x, semantics):
        normalised = getattr(self, self.norm)(x)
        hidden = self.mlp_shared(F.interpolate(semantics, size=x.shape[2:], mode="nearest"))
        return normalised * (1 + self.mlp_gamma(hidden)) + self.mlp_beta(hidden)


class ModulatedBlock(nn.Module):
    """Twice norm, leaky ReLU, spectrally normalised convolution, and a way around them."""

    def __init__(self, inputs, outputs, map_channels, hidden, norm):
        super().__init__()
        middle = min(inputs, outputs)
        self.conv_0 = spectral_norm(nn.Conv2d(inputs, middle, 3, padding=1))
        self.conv_1 = spectral_norm(nn.Conv2d(middle, outputs, 3, padding=1))
        self.norm_0 = Modulated(inputs, map_channels, hidden, norm)
        self.norm_1 = Modulated(middle, map_channels, hidden, norm)
        self.is_learned = inputs != outputs
        if self.is_learned:
            self.conv_s = spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False))
            self.norm_s = Modulated(inputs, map_channels, hidden, norm)

    def forward(self, x, semantics):
        straight = self.conv_s(self.norm_s(x, semantics)) if self.is_learned else x
        h = self.conv_0(F.leaky_relu(self.norm_0(x, semantics), 0.2))
        h = self.conv_1(F.leaky_relu(self.norm_1(h, semantics), 0.2))
        return straight + h
