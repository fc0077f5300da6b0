"""The conditional GAN of fully connected layers, as the PyTorch-GAN collection has it, at 28 x 28.

Both networks embed the label, both losses are least squares, the generator learns first, then the
discriminator on the same fakes, detached.
"""

import torch
from torch import nn

import harness


class Generator(nn.Module):
    def __init__(self, latent_size=100, classes=10, image_shape=(1, 28, 28)):
        super().__init__()
        self.image_shape = image_shape
        self.label_emb = nn.Embedding(classes, classes)

        def block(inputs, outputs, normalize=True):
            layers = [nn.Linear(inputs, outputs)]
            if normalize:
                layers.append(nn.BatchNorm1d(outputs, eps=0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(
            *block(latent_size + classes, 128, normalize=False),
            *block(128, 256),
            *block(256, 512),
            *block(512, 1024),
            nn.Linear(1024, image_shape[0] * image_shape[1] * image_shape[2]),
            nn.Tanh(),
        )

    def forward(self, latent, label):
        image = self.model(torch.cat((self.label_emb(label), latent), dim=1))
        return image.view(len(image), *self.image_shape)


class Discriminator(nn.Module):
    def __init__(self, classes=10, image_shape=(1, 28, 28), dropout=0.4):
        super().__init__()
        self.label_embedding = nn.Embedding(classes, classes)
        self.model = nn.Sequential(
            nn.Linear(classes + image_shape[0] * image_shape[1] * image_shape[2], 512),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(512, 512),
            nn.Dropout(dropout),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(512, 512),
            nn.Dropout(dropout),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(512, 1),
        )

    def forward(self, image, label):
        return self.model(torch.cat((image.flatten(1), self.label_embedding(label)), dim=1))


class CGAN(harness.Recipe):
    latent_size, classes, pictures = 100, 10, {"image": (1, 28, 28)}

    def __init__(self, dropout=0.4):
        self.generator = Generator()
        self.discriminator = Discriminator(dropout=dropout)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.criterion = nn.MSELoss()
        settings = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), **settings)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), **settings)

    def step(self, image, label, latent, fake_label):
        valid = torch.ones(len(image), 1)
        fake = torch.zeros(len(image), 1)

        self.generator_optimizer.zero_grad()
        generated = self.generator(latent, fake_label)
        generator_loss = self.criterion(self.discriminator(generated, fake_label), valid)
        generator_loss.backward()
        self.generator_optimizer.step()

        self.discriminator_optimizer.zero_grad()
        real_loss = self.criterion(self.discriminator(image, label), valid)
        fake_loss = self.criterion(self.discriminator(generated.detach(), fake_label), fake)
        discriminator_loss = (real_loss + fake_loss) / 2
        discriminator_loss.backward()
        self.discriminator_optimizer.step()
        return [generator_loss.item(), discriminator_loss.item()]

    @torch.no_grad()
    def sample(self, count):
        self.generator.eval()
        return self.generator(
            torch.randn(count, self.latent_size), torch.randint(0, self.classes, (count,))
        )


if __name__ == "__main__":
    harness.main(CGAN)
