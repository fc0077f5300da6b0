"""faceswap's original model at 64 x 64, 16 faces a side: one encoder, two decoders, SSIM and squared differences.

Faces lie in memory as the encoder sees them and as they were: both sides leave warping out.
"""

import torch
from torch import nn
from torch.nn import functional as F

import harness

SLOPE, CODE, INNER = 0.1, 1024, 1024
ENCODER, DECODER = (3, 128, 256, 512, 1024), (512, 256, 128, 64)


class Halving(nn.Module):
    """Keras's padding `same`: of the zeros one more on the right and below."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 5, 2)

    def forward(self, x):
        return F.leaky_relu(self.conv(F.pad(x, (1, 2, 1, 2))), SLOPE)


class Upscaling(nn.Module):
    """Of the four pixels the channels come last, as in Keras's layout."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, 4 * outputs, 3, padding=1)

    def forward(self, x):
        x = F.leaky_relu(self.conv(x), SLOPE)
        batch, channels, height, width = x.shape
        return F.pixel_shuffle(x.view(batch, 4, channels // 4, height, width).transpose(1, 2).reshape(x.shape), 2)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Halving(*pair) for pair in zip(ENCODER, ENCODER[1:]))
        self.dense1, self.dense2 = nn.Linear(16 * ENCODER[-1], CODE), nn.Linear(CODE, 16 * INNER)
        self.upscale = Upscaling(INNER, DECODER[0])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        x = self.dense2(self.dense1(x.permute(0, 2, 3, 1).flatten(1)))
        return self.upscale(x.view(-1, 4, 4, INNER).permute(0, 3, 1, 2))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.face = nn.ModuleList(Upscaling(*pair) for pair in zip(DECODER, DECODER[1:]))
        self.faceOut = nn.Conv2d(DECODER[-1], 3, 5, padding=2)

    def forward(self, x):
        for block in self.face:
            x = block(x)
        return torch.sigmoid(self.faceOut(x))


def window():
    values = torch.exp(-((torch.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    return (values / values.sum()).expand(3, 1, 1, 11)


def dissimilarity(x, y):
    kernel = window().to(x.dtype)

    def smooth(z):
        return F.conv2d(F.conv2d(z, kernel, groups=3), kernel.transpose(2, 3), groups=3)

    mean_x, mean_y = smooth(x), smooth(y)
    products, squares = 2 * mean_x * mean_y, mean_x**2 + mean_y**2
    luminance = (products + 0.01**2) / (squares + 0.01**2)
    contrast = (2 * smooth(x * y) - products + 0.03**2) / (smooth(x**2 + y**2) - squares + 0.03**2)
    return (1 - (luminance * contrast).mean()) / 2


class DeepfakeAutoencoder(harness.Recipe):
    batch_size, picture_count, checked_steps, is_signed, first_samples = 16, 64, 3, False, 1
    pictures = {name + side: (3, 64, 64) for side in "AB" for name in ("source", "target")}

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.encoder, self.decoders = Encoder(), [Decoder(), Decoder()]
        self.networks = {"encoder": self.encoder, "decoderA": self.decoders[0], "decoderB": self.decoders[1]}
        parameters = [each for network in self.networks.values() for each in network.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=5e-5, betas=(0.5, 0.99), eps=1e-7)

    def step(self, source_a, target_a, source_b, target_b):
        self.optimizer.zero_grad()
        total = 0
        for decoder, source, target in zip(self.decoders, (source_a, source_b), (target_a, target_b)):
            made = decoder(self.encoder(source))
            loss = dissimilarity(made, target) + F.mse_loss(made, target)
            loss.backward()
            total += loss.item()
        self.optimizer.step()
        return [total]

    @torch.no_grad()
    def sample(self, count):
        return self.decoders[1](self.encoder(torch.rand(count, 3, 64, 64)))


if __name__ == "__main__":
    harness.main(DeepfakeAutoencoder)
