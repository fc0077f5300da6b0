"""The networks of pix2pix and CycleGAN as their authors run them: plain modules, in-place activations."""

import torch
from torch import nn


def initialise(module):
    """Normal weights of deviation 0.02, norm scales around 1, no shifts."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Level(nn.Module):
    """One level of a U-Net and all levels inside it."""

    def __init__(self, outer, inner, inside=None, inputs=None, dropout=None):
        super().__init__()
        self.is_outermost = inputs is not None
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=False)
        width = inner if inside is None else inner * 2
        if self.is_outermost:
            layers = [down, inside, nn.ReLU(True), nn.ConvTranspose2d(width, outer, 4, 2, 1), nn.Tanh()]
        else:
            middle = [] if inside is None else [nn.BatchNorm2d(inner), inside]
            up = nn.ConvTranspose2d(width, outer, 4, 2, 1, bias=False)
            layers = [nn.LeakyReLU(0.2, True), down, *middle, nn.ReLU(True), up, nn.BatchNorm2d(outer)]
            if dropout is not None:
                layers.append(nn.Dropout(dropout))
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x) if self.is_outermost else torch.cat([x, self.model(x)], 1)


class UNet(nn.Module):
    def __init__(self, depth=8, width=64, dropout=0.5, channels=3):
        super().__init__()
        widths = [width * min(8, 2**level) for level in range(depth)]
        level = None
        for place in range(depth - 1, 0, -1):
            drops = dropout if place >= 4 and level is not None else None
            level = Level(widths[place - 1], widths[place], level, dropout=drops)
        self.model = Level(channels, width, level, inputs=channels)
        self.apply(initialise)

    def forward(self, x):
        return self.model(x)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()

        def half():
            return [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]

        self.conv_block = nn.Sequential(*half(), nn.ReLU(True), *half())

    def forward(self, x):
        return x + self.conv_block(x)


class ResNet(nn.Module):
    def __init__(self, blocks=9, width=64, channels=3):
        super().__init__()
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), nn.InstanceNorm2d(width), nn.ReLU(True)]
        for level in (width, width * 2):
            layers += [nn.Conv2d(level, level * 2, 3, 2, 1), nn.InstanceNorm2d(level * 2), nn.ReLU(True)]
        layers += [Block(width * 4) for _ in range(blocks)]
        for level in (width * 2, width):
            layers += [
                nn.ConvTranspose2d(level * 2, level, 3, 2, 1, output_padding=1),
                nn.InstanceNorm2d(level),
                nn.ReLU(True),
            ]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, x):
        return self.model(x)


class Patches(nn.Module):
    """The 70 x 70 PatchGAN."""

    def __init__(self, channels, norm, width=64):
        super().__init__()
        layers = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for level, stride in ((1, 2), (2, 2), (4, 1)):
            inputs, outputs = width * level, width * level * 2
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride, 1, bias=norm is nn.InstanceNorm2d),
                norm(outputs),
                nn.LeakyReLU(0.2, True),
            ]
        layers.append(nn.Conv2d(width * 8, 1, 4, 1, 1))
        self.model = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, x):
        return self.model(x)


def freeze(network, is_frozen):
    for parameter in network.parameters():
        parameter.requires_grad = not is_frozen
