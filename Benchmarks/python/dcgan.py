"""DCGAN at 64 x 64 in three channels, as PyTorch's own examples have it.

The discriminator learns first, on a real and on a generated batch apart, then the generator; the
loss is binary cross-entropy on probabilities.
"""

import torch
from torch import nn

import harness


def initialise(module):
    """The paper's weights: normal with deviation 0.02, norm scales around 1."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Generator(nn.Module):
    def __init__(self, latent_size=100, width=64, channels=3):
        super().__init__()

        def block(inputs, outputs, stride, padding):
            return [
                nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(True),
            ]

        self.main = nn.Sequential(
            *block(latent_size, width * 8, 1, 0),
            *block(width * 8, width * 4, 2, 1),
            *block(width * 4, width * 2, 2, 1),
            *block(width * 2, width, 2, 1),
            nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, latent):
        return self.main(latent)


class Discriminator(nn.Module):
    def __init__(self, width=64, channels=3):
        super().__init__()

        def block(inputs, outputs):
            return [
                nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2, inplace=True),
            ]

        self.main = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            *block(width, width * 2),
            *block(width * 2, width * 4),
            *block(width * 4, width * 8),
            nn.Conv2d(width * 8, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, image):
        return self.main(image).view(-1)


class DCGAN(harness.Recipe):
    latent_size, classes, checked_steps = 100, 10, 2

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator = Generator()
        self.discriminator = Discriminator()
        self.generator.apply(initialise)
        self.discriminator.apply(initialise)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.criterion = nn.BCELoss()
        settings = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), **settings)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), **settings)

    def step(self, image, label, latent, fake_label):  # no labels in this recipe
        valid = torch.ones(len(image))
        fake = torch.zeros(len(image))

        self.discriminator.zero_grad()
        real_loss = self.criterion(self.discriminator(image), valid)
        real_loss.backward()
        generated = self.generator(latent.view(*latent.shape, 1, 1))
        fake_loss = self.criterion(self.discriminator(generated.detach()), fake)
        fake_loss.backward()
        self.discriminator_optimizer.step()

        self.generator.zero_grad()
        generator_loss = self.criterion(self.discriminator(generated), valid)
        generator_loss.backward()
        self.generator_optimizer.step()
        return [generator_loss.item(), real_loss.item() + fake_loss.item()]

    @torch.no_grad()
    def sample(self, count):
        self.generator.eval()
        return self.generator(torch.randn(count, self.latent_size, 1, 1))


if __name__ == "__main__":
    harness.main(DCGAN)
