"""SRResNet x4 as BasicSR trains it: no norms, L1, Adam, and a moving average of the weights.

Residual blocks, two enlargements by pixel shuffle, and the bilinear enlargement of the input added to
the output.
"""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

import harness


def start_small(*layers):
    """A tenth of He's weights, so that a deep network starts near the identity."""
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight)
        layer.weight.data.mul_(0.1)
        nn.init.zeros_(layer.bias)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.relu = nn.ReLU(inplace=True)
        start_small(self.conv1, self.conv2)

    def forward(self, features):
        return features + self.conv2(self.relu(self.conv1(features)))


class Generator(nn.Module):
    def __init__(self, width=64, blocks=16, scale=4, channels=3):
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(channels, width, 3, 1, 1)
        self.body = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.upconv1 = nn.Conv2d(width, width * 4, 3, 1, 1)
        self.upconv2 = nn.Conv2d(width, width * 4, 3, 1, 1)
        self.shuffle = nn.PixelShuffle(2)
        self.conv_hr = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_last = nn.Conv2d(width, channels, 3, 1, 1)
        self.lrelu = nn.LeakyReLU(0.1, inplace=True)
        start_small(self.conv_first, self.upconv1, self.upconv2, self.conv_hr, self.conv_last)

    def forward(self, image):
        features = self.body(self.lrelu(self.conv_first(image)))
        features = self.lrelu(self.shuffle(self.upconv1(features)))
        features = self.lrelu(self.shuffle(self.upconv2(features)))
        details = self.conv_last(self.lrelu(self.conv_hr(features)))
        base = F.interpolate(image, scale_factor=self.scale, mode="bilinear", align_corners=False)
        details += base
        return details


class SRResNet(harness.Recipe):
    batch_size, scale, is_signed, picture_count, first_samples = 16, 4, False, 128, 1
    checked_steps, checked_part = 3, 2
    pictures = {"source": (3, 32, 32), "target": (3, 128, 128)}
    decay, rate, least_rate, period = 0.999, 2e-4, 1e-7, 250_000

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator = Generator()
        self.networks = {"generator": self.generator}
        self.average = copy.deepcopy(self.generator)
        self.criterion = nn.L1Loss()
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=self.rate, betas=(0.9, 0.99))
        self.steps = 0

    def step(self, source, target):
        progress = (1 + math.cos(math.pi * self.steps / self.period)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = self.least_rate + (self.rate - self.least_rate) * progress
        self.steps += 1

        self.optimizer.zero_grad()
        loss = self.criterion(self.generator(source), target)
        loss.backward()
        self.optimizer.step()
        own = dict(self.generator.named_parameters())
        for name, average in self.average.named_parameters():
            average.data.mul_(self.decay).add_(own[name].data, alpha=1 - self.decay)
        return [loss.item()]

    @torch.no_grad()
    def generate(self, source):
        self.generator.eval()
        return self.generator(source).clamp_(0, 1)

    def sample(self, count):
        return self.generate(torch.rand(count, *self.pictures["source"]))


if __name__ == "__main__":
    harness.main(SRResNet)
