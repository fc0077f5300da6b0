"""The autoencoder of fully connected layers, 784-128-64-12-3 and back, as the beginners' collection
of L1aoXingyu has it."""

import torch
from torch import nn

import harness


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(784, 128),
            nn.ReLU(True),
            nn.Linear(128, 64),
            nn.ReLU(True),
            nn.Linear(64, 12),
            nn.ReLU(True),
            nn.Linear(12, 3),
        )
        self.decoder = nn.Sequential(
            nn.Linear(3, 12),
            nn.ReLU(True),
            nn.Linear(12, 64),
            nn.ReLU(True),
            nn.Linear(64, 128),
            nn.ReLU(True),
            nn.Linear(128, 784),
            nn.Tanh(),
        )

    def forward(self, image):
        return self.decoder(self.encoder(image))


class AutoencoderRecipe(harness.Recipe):
    batch_size, classes, pictures = 128, 10, {"image": (1, 28, 28)}

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.autoencoder = Autoencoder()
        self.networks = {"autoencoder": self.autoencoder}
        self.criterion = nn.MSELoss()
        self.optimizer = torch.optim.Adam(self.autoencoder.parameters(), lr=1e-3, weight_decay=1e-5)

    def step(self, image, label):
        image = image.flatten(1)
        loss = self.criterion(self.autoencoder(image), image)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return [loss.item()]

    @torch.no_grad()
    def sample(self, count):
        return self.autoencoder.decoder(torch.randn(count, 3)).view(count, 1, 28, 28)


if __name__ == "__main__":
    harness.main(AutoencoderRecipe)
