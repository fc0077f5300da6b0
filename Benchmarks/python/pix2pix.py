"""pix2pix at 256 x 256, batch 1, as its authors' program trains it: U-Net, PatchGAN, L1.

The discriminator learns first, on the generated pair and on the real one, then the generator through
the updated discriminator.
"""

import torch
from torch import nn

import harness
from translation import Patches, UNet, freeze


class Pix2Pix(harness.Recipe):
    batch_size, picture_count, checked_steps, first_samples = 1, 32, 3, 1
    pictures = {"source": (3, 256, 256), "target": (3, 256, 256)}

    def __init__(self, dropout=0.5):
        self.generator = UNet(dropout=dropout)
        self.discriminator = Patches(6, nn.BatchNorm2d)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.criterion, self.distance = nn.BCEWithLogitsLoss(), nn.L1Loss()
        settings = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), **settings)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), **settings)

    def judged(self, source, picture, is_real):
        scores = self.discriminator(torch.cat([source, picture], 1))
        return self.criterion(scores, torch.full_like(scores, float(is_real)))

    def step(self, source, target):
        fake = self.generator(source)

        freeze(self.discriminator, False)
        self.discriminator_optimizer.zero_grad()
        judgement = self.judged(source, fake.detach(), False)
        discriminator_loss = (judgement + self.judged(source, target, True)) * 0.5
        discriminator_loss.backward()
        self.discriminator_optimizer.step()

        freeze(self.discriminator, True)
        self.generator_optimizer.zero_grad()
        generator_loss = self.judged(source, fake, True) + self.distance(fake, target) * 100.0
        generator_loss.backward()
        self.generator_optimizer.step()
        return [generator_loss.item(), discriminator_loss.item()]

    @torch.no_grad()
    def generate(self, source):  # in training mode, as the authors test
        return self.generator(source)

    def sample(self, count):
        return self.generate(torch.rand(count, *self.pictures["source"]) * 2 - 1)


if __name__ == "__main__":
    harness.main(Pix2Pix)
