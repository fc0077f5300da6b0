"""SPADE at 128 x 128, batch 2, 35 classes, as its authors' program trains it, with a quarter of their widths.

Generator and hidden channels of the modulating layers are 16 and 32 wide, the two discriminators 16; their
form is the authors': five doublings, spectral norm, hinge loss, feature matching with weight 10 and a VGG19's
features with weight 10. The generator learns first, then the discriminators on a new image; map, generated
and real images go through them as one batch. Weights of the VGG are drawn here; speed does not depend on
them. Unlike in the authors' program the discriminators are frozen while the generator learns.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import spectral_norm

import harness
from maps import ModulatedBlock, initialise, one_hot
from translation import freeze

CLASSES, SIZE, WIDTH, HIDDEN = 35, 128, 16, 32
VGG_WIDTHS = (64, "M", 128, "M", 256, "M", 512, "M", 512)
VGG_DEPTHS = (2, 0, 2, 0, 4, 0, 4, 0, 1)
TAPS = {1: 1 / 32, 6: 1 / 16, 11: 1 / 8, 20: 1 / 4, 29: 1.0}  # relu1_1 ... relu5_1


class Generator(nn.Module):
    def __init__(self):
        super().__init__()

        def block(inputs, outputs):
            return ModulatedBlock(inputs * WIDTH, outputs * WIDTH, CLASSES, HIDDEN, "param_free_norm")

        self.fc = nn.Conv2d(CLASSES, 16 * WIDTH, 3, padding=1)
        self.head_0 = block(16, 16)
        self.G_middle_0 = block(16, 16)
        self.G_middle_1 = block(16, 16)
        self.up_0 = block(16, 8)
        self.up_1 = block(8, 4)
        self.up_2 = block(4, 2)
        self.up_3 = block(2, 1)
        self.conv_img = nn.Conv2d(WIDTH, 3, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, semantics):
        small = [side // 32 for side in semantics.shape[2:]]
        x = self.fc(F.interpolate(semantics, size=small))
        x = self.head_0(x, semantics)
        x = self.G_middle_0(self.up(x), semantics)
        x = self.G_middle_1(x, semantics)
        for block in (self.up_0, self.up_1, self.up_2, self.up_3):
            x = block(self.up(x), semantics)
        return torch.tanh(self.conv_img(F.leaky_relu(x, 0.2)))


class Patches(nn.Module):
    """A PatchGAN that gives what each of its stages made."""

    def __init__(self, inputs, width):
        super().__init__()
        self.model0 = nn.Sequential(nn.Conv2d(inputs, width, 4, 2, 2), nn.LeakyReLU(0.2, False))
        for index, stride in enumerate((2, 2, 1)):
            conv = spectral_norm(nn.Conv2d(width << index, width << index + 1, 4, stride, 2, bias=False))
            normed = nn.Sequential(conv, nn.InstanceNorm2d(width << index + 1))
            setattr(self, f"model{index + 1}", nn.Sequential(normed, nn.LeakyReLU(0.2, False)))
        self.model4 = nn.Sequential(nn.Conv2d(8 * width, 1, 4, 1, 2))

    def forward(self, x):
        found = []
        for stage in self.children():
            x = stage(x)
            found.append(x)
        return found


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.discriminator_0 = Patches(CLASSES + 3, WIDTH)
        self.discriminator_1 = Patches(CLASSES + 3, WIDTH)

    def forward(self, x):
        halved = F.avg_pool2d(x, 3, 2, [1, 1], count_include_pad=False)
        return [self.discriminator_0(x), self.discriminator_1(halved)]


class VGG19(nn.Module):
    """The convolutions up to relu5_1, under torchvision's names."""

    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for width, depth in zip(VGG_WIDTHS, VGG_DEPTHS):
            if width == "M":
                layers.append(nn.MaxPool2d(2, 2))
            for _ in range(depth):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
                nn.init.kaiming_normal_(layers[-2].weight)
                inputs = width
        self.features = nn.Sequential(*layers)
        freeze(self, True)

    def forward(self, x):
        found = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in TAPS:
                found[index] = x
        return found


class SPADE(harness.Recipe):
    batch_size, picture_count, checked_steps, first_samples = 2, 64, 2, 1
    pictures, label_maps = {"image": (3, SIZE, SIZE)}, {"label": (CLASSES, SIZE, SIZE)}

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator, self.discriminator, self.vgg = Generator(), Discriminator(), VGG19()
        self.generator.apply(initialise)
        self.discriminator.apply(initialise)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator, "vgg19": self.vgg}
        self.distance = nn.L1Loss()
        settings = {"betas": (0.0, 0.9)}
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), 1e-4, **settings)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), 4e-4, **settings)

    def judged(self, semantics, fake, real):
        pairs = torch.cat([torch.cat([semantics, fake], 1), torch.cat([semantics, real], 1)], 0)
        outputs = self.discriminator(pairs)
        count = len(fake)
        return [[t[:count] for t in scale] for scale in outputs], [[t[count:] for t in scale] for scale in outputs]

    def step(self, image, label):
        semantics = one_hot(label, CLASSES)

        freeze(self.discriminator, True)
        self.generator_optimizer.zero_grad()
        generated = self.generator(semantics)
        fake, real = self.judged(semantics, generated, image)
        adversarial = sum(-scale[-1].mean() for scale in fake) / len(fake)
        matching = 0.0
        for ours, theirs in zip(fake, real):
            for one, other in zip(ours[:-1], theirs[:-1]):
                matching = matching + self.distance(one, other.detach()) * 10.0 / len(fake)
        found = self.vgg(generated)
        with torch.no_grad():
            wanted = self.vgg(image)
        perceptual = sum(weight * self.distance(found[tap], wanted[tap]) for tap, weight in TAPS.items())
        generator_loss = adversarial + matching + perceptual * 10.0
        generator_loss.backward()
        self.generator_optimizer.step()

        freeze(self.discriminator, False)
        self.discriminator_optimizer.zero_grad()
        with torch.no_grad():
            generated = self.generator(semantics)
        fake, real = self.judged(semantics, generated, image)
        loss = sum(F.relu(1 + scale[-1]).mean() for scale in fake) / len(fake)
        loss = loss + sum(F.relu(1 - scale[-1]).mean() for scale in real) / len(real)
        loss.backward()
        self.discriminator_optimizer.step()
        return [generator_loss.item(), loss.item()]

    @torch.no_grad()
    def sample(self, count):
        self.generator.eval()
        return self.generator(one_hot(torch.zeros(count, SIZE, SIZE, dtype=torch.long), CLASSES))


if __name__ == "__main__":
    harness.main(SPADE)
