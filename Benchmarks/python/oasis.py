"""OASIS at 128 x 128, batch 2, 35 classes, as its authors' program trains it, with a quarter of their widths.

Generator and discriminator are 16 wide at full resolution, the modulating layers 32; their form is the
authors': six blocks each, spectral norm, 64 numbers of noise beside the labels, cross-entropy with balanced
classes of which the first is unlabelled, LabelMix with weight 10, and an average of the generator. Unlike in
the authors' program the discriminator is frozen while the generator learns, and each class has a coin of its
own in LabelMix.
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import spectral_norm

import harness
from maps import ModulatedBlock, initialise, one_hot
from translation import freeze

CLASSES, SIZE, WIDTH, HIDDEN, NOISE, DECAY = 35, 128, 16, 32, 64, 0.9999
WIDTHS = [16, 16, 16, 8, 4, 2, 1]


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        channels = CLASSES + NOISE
        self.conv_img = nn.Conv2d(WIDTH, 3, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2)
        self.body = nn.ModuleList(
            ModulatedBlock(inputs * WIDTH, outputs * WIDTH, channels, HIDDEN, "first_norm")
            for inputs, outputs in zip(WIDTHS, WIDTHS[1:])
        )
        self.fc = nn.Conv2d(channels, 16 * WIDTH, 3, padding=1)

    def forward(self, labels, noise):
        noise = noise.view(*noise.shape, 1, 1).expand(-1, -1, *labels.shape[2:])
        semantics = torch.cat([noise, labels], 1)
        x = self.fc(F.interpolate(semantics, size=[side // 32 for side in labels.shape[2:]]))
        for index, block in enumerate(self.body):
            x = block(x if index == 0 else self.up(x), semantics)
        return torch.tanh(self.conv_img(F.leaky_relu(x, 0.2)))


class Block(nn.Module):
    """A residual block of the discriminator: direction -1 halves, 1 doubles."""

    def __init__(self, inputs, outputs, direction, is_first=False):
        super().__init__()
        self.direction, self.is_first = direction, is_first
        self.is_learned = inputs != outputs
        conv = spectral_norm(nn.Conv2d(inputs, outputs, 3, padding=1))
        if is_first:
            self.conv1 = nn.Sequential(conv)
        elif direction > 0:
            self.conv1 = nn.Sequential(nn.LeakyReLU(0.2, False), nn.Upsample(scale_factor=2), conv)
        else:
            self.conv1 = nn.Sequential(nn.LeakyReLU(0.2, False), conv)
        conv = spectral_norm(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.conv2 = nn.Sequential(nn.LeakyReLU(0.2, False), conv)
        if self.is_learned:
            self.conv_s = spectral_norm(nn.Conv2d(inputs, outputs, 1))
        self.sampling = nn.Upsample(scale_factor=2) if direction > 0 else nn.AvgPool2d(2)

    def forward(self, x):
        residual = self.conv2(self.conv1(x))
        if self.direction < 0:
            residual = self.sampling(residual)
        if self.is_first or self.direction > 0:
            x = self.sampling(x)
        straight = self.conv_s(x) if self.is_learned else x
        if not self.is_first and self.direction < 0:
            straight = self.sampling(straight)
        return residual + straight


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [3] + [multiple * WIDTH for multiple in (2, 2, 4, 4, 8, 8)]
        count = len(widths) - 1
        self.body_up, self.body_down = nn.ModuleList(), nn.ModuleList()
        for index in range(count):
            self.body_down.append(Block(widths[index], widths[index + 1], -1, index == 0))
            inputs = widths[count - index] * (1 if index == 0 else 2)
            outputs = WIDTH if index == count - 1 else widths[count - index - 1]
            self.body_up.append(Block(inputs, outputs, 1))
        self.layer_up_last = nn.Conv2d(WIDTH, CLASSES + 1, 1)

    def forward(self, x):
        passed = []
        for block in self.body_down:
            x = block(x)
            passed.append(x)
        x = self.body_up[0](x)
        for block, other in zip(self.body_up[1:], reversed(passed[:-1])):
            x = block(torch.cat([other, x], 1))
        return self.layer_up_last(x)


def balance(labels):
    """Weights of pixels with which all classes but the first count alike."""
    counts = labels.sum((0, 2, 3))
    counts[0] = 0
    present = (counts > 0).sum()
    weights = torch.reciprocal(counts) * labels.numel() / (present * labels.shape[1])
    weights[0] = 0
    return weights[labels.argmax(1)]


def cross_entropy(logits, label, weights):
    if label is None:
        return F.cross_entropy(logits, torch.zeros_like(logits[:, 0], dtype=torch.long))
    return (F.cross_entropy(logits, label + 1, reduction="none") * weights).mean()


class OASIS(harness.Recipe):
    batch_size, picture_count, checked_steps, first_samples = 2, 64, 2, 1
    pictures, label_maps = {"image": (3, SIZE, SIZE)}, {"label": (CLASSES, SIZE, SIZE)}

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator, self.discriminator = Generator(), Discriminator()
        self.generator.apply(initialise)
        self.discriminator.apply(initialise)
        self.average = None
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        settings = {"betas": (0.0, 0.999)}
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), 1e-4, **settings)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), 4e-4, **settings)

    def draws(self):
        return {
            "noise": torch.randn(2, self.batch_size, NOISE),
            "labelMix": torch.randint(0, 2, (CLASSES,)).to(torch.get_default_dtype()),
        }

    def step(self, image, label, noise, coins):
        if self.average is None:
            self.average = copy.deepcopy(self.generator)
        labels = one_hot(label, CLASSES)
        weights = balance(labels)

        freeze(self.discriminator, True)
        self.generator_optimizer.zero_grad()
        fake = self.generator(labels, noise[0])
        generator_loss = cross_entropy(self.discriminator(fake), label, weights)
        generator_loss.backward()
        self.generator_optimizer.step()

        freeze(self.discriminator, False)
        self.discriminator_optimizer.zero_grad()
        with torch.no_grad():
            fake = self.generator(labels, noise[1])
        of_fake = self.discriminator(fake)
        of_real = self.discriminator(image)
        loss = cross_entropy(of_fake, None, None) + cross_entropy(of_real, label, weights)
        mask = coins[label].unsqueeze(1)
        of_mixed = self.discriminator(mask * image + (1 - mask) * fake)
        loss = loss + 10.0 * F.mse_loss(of_mixed, mask * of_real + (1 - mask) * of_fake)
        loss.backward()
        self.discriminator_optimizer.step()
        with torch.no_grad():
            own = self.generator.state_dict()
            for name, value in self.average.state_dict().items():
                value.copy_(value * DECAY + own[name] * (1 - DECAY))
        return [generator_loss.item(), loss.item()]

    @torch.no_grad()
    def sample(self, count):
        self.generator.eval()
        labels = one_hot(torch.zeros(count, SIZE, SIZE, dtype=torch.long), CLASSES)
        return self.generator(labels, torch.randn(count, NOISE))


if __name__ == "__main__":
    harness.main(OASIS)
