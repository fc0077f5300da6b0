"""CycleGAN at 256 x 256, batch 1, 9 blocks, as its authors' program trains it.

Both generators learn first, with one optimiser, then both discriminators, on real images and on
generated ones of which some are older.
"""

import itertools
import random

import torch
from torch import nn

import harness
from translation import Patches, ResNet, freeze


class Pool:
    """The last images, of which a random one comes back half of the time."""

    def __init__(self, capacity=50):
        self.capacity, self.pictures = capacity, []

    def exchange(self, picture):
        if len(self.pictures) < self.capacity:
            self.pictures.append(picture.clone())
            return picture
        if random.random() > 0.5:
            place = random.randrange(self.capacity)
            old, self.pictures[place] = self.pictures[place], picture.clone()
            return old
        return picture


class CycleGAN(harness.Recipe):
    batch_size, picture_count, checked_steps, checked_part, first_samples = 1, 32, 2, 4, 1
    pictures = {"A": (3, 256, 256), "B": (3, 256, 256)}

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.networks = {
            "generatorAB": ResNet(),
            "generatorBA": ResNet(),
            "discriminatorA": Patches(3, nn.InstanceNorm2d),
            "discriminatorB": Patches(3, nn.InstanceNorm2d),
        }
        self.there, self.back, self.judge_a, self.judge_b = self.networks.values()
        self.pool_a, self.pool_b = Pool(), Pool()
        self.criterion, self.distance = nn.MSELoss(), nn.L1Loss()
        settings = {"lr": 2e-4, "betas": (0.5, 0.999)}
        generators = itertools.chain(self.there.parameters(), self.back.parameters())
        discriminators = itertools.chain(self.judge_a.parameters(), self.judge_b.parameters())
        self.generator_optimizer = torch.optim.Adam(generators, **settings)
        self.discriminator_optimizer = torch.optim.Adam(discriminators, **settings)

    def judged(self, judge, picture, is_real):
        scores = judge(picture)
        return self.criterion(scores, torch.full_like(scores, float(is_real)))

    def step(self, a, b):
        fake_b = self.there(a)
        returned_a = self.back(fake_b)
        fake_a = self.back(b)
        returned_b = self.there(fake_a)

        freeze(self.judge_a, True)
        freeze(self.judge_b, True)
        self.generator_optimizer.zero_grad()
        identity = self.distance(self.there(b), b) + self.distance(self.back(a), a)
        adversarial = self.judged(self.judge_b, fake_b, True) + self.judged(self.judge_a, fake_a, True)
        cycle = self.distance(returned_a, a) + self.distance(returned_b, b)
        generator_loss = adversarial + cycle * 10.0 + identity * 5.0
        generator_loss.backward()
        self.generator_optimizer.step()

        freeze(self.judge_a, False)
        freeze(self.judge_b, False)
        self.discriminator_optimizer.zero_grad()
        losses = []
        for judge, real, seen in (
            (self.judge_b, b, self.pool_b.exchange(fake_b.detach())),
            (self.judge_a, a, self.pool_a.exchange(fake_a.detach())),
        ):
            loss = (self.judged(judge, real, True) + self.judged(judge, seen, False)) * 0.5
            loss.backward()
            losses.append(loss.item())
        self.discriminator_optimizer.step()
        return [generator_loss.item(), sum(losses)]

    @torch.no_grad()
    def generate(self, picture):
        return self.there(picture)

    def sample(self, count):
        return self.generate(torch.rand(count, *self.pictures["A"]) * 2 - 1)


if __name__ == "__main__":
    harness.main(CycleGAN)
