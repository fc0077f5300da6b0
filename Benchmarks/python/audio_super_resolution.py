"""The U-Net of audio super-resolution at 16 kHz, x4, narrow: strided convolutions, subpixel layers, skips, Adam."""

import torch
from torch import nn
from torch.nn import functional as F

import harness

RATE, LENGTH = 16_000, 4096
FILTERS, KERNELS = (48, 96, 128, 128), (65, 33, 17, 9)


def same(convolution, x):
    """TensorFlow's padding `same`."""
    stride, kernel = convolution.stride[0], convolution.kernel_size[0]
    missing = max(0, (-(-x.shape[2] // stride) - 1) * stride + kernel - x.shape[2])
    return convolution(F.pad(x, (missing // 2, missing - missing // 2)))


def subpixel(x):
    batch, channels, samples = x.shape
    return x.view(batch, 2, channels // 2, samples).permute(0, 2, 3, 1).reshape(batch, channels // 2, 2 * samples)


class Generator(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.dropout = dropout
        self.downsampling, self.upsampling = nn.ModuleList(), nn.ModuleList()
        channels = 1
        for width, kernel in zip(FILTERS, KERNELS):
            self.downsampling.append(nn.Conv1d(channels, width, kernel, 2))
            channels = width
        self.bottleneck = nn.Conv1d(channels, FILTERS[-1], KERNELS[-1], 2)
        channels = FILTERS[-1]
        for width, kernel in zip(reversed(FILTERS), reversed(KERNELS)):
            self.upsampling.append(nn.Conv1d(channels, 2 * width, kernel))
            channels = 2 * width
        self.last = nn.Conv1d(channels, 2, 9)

    def forward(self, signal):
        x, skips = signal, []
        for convolution in self.downsampling:
            x = F.leaky_relu(same(convolution, x), 0.2)
            skips.append(x)
        x = F.leaky_relu(F.dropout(same(self.bottleneck, x), self.dropout, self.training), 0.2)
        for convolution in self.upsampling:
            x = subpixel(F.relu(F.dropout(same(convolution, x), self.dropout, self.training)))
            x = torch.cat((x, skips.pop()), 1)
        return subpixel(same(self.last, x)) + signal


class AudioSuperResolution(harness.Recipe):
    batch_size, pictures, picture_count, checked_steps, first_samples = 8, {}, 256, 3, 1
    sounds = {"signal": LENGTH, "target": LENGTH}

    def __init__(self, dropout=0.5):
        self.generator = Generator(dropout)
        self.networks = {"generator": self.generator}
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-3)

    def step(self, signal, target):
        self.optimizer.zero_grad()
        error = ((self.generator(signal) - target) ** 2 + 1e-6).mean((1, 2)).sqrt()
        loss = error.mean()
        loss.backward()
        self.optimizer.step()
        snr = 20 * torch.log10((target**2).mean((1, 2)).sqrt() / error.detach() + 1e-8)
        return [loss.item(), snr.mean().item()]

    @torch.no_grad()
    def sample(self, seconds):
        self.generator.eval()
        return self.generator(torch.zeros(1, 1, seconds * RATE))


if __name__ == "__main__":
    harness.main(AudioSuperResolution)
