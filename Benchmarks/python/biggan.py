"""BigGAN at 32 x 32: spectral norm in both players, a class embedding for all conditional norms, a chunk of
the latent at every depth, self-attention in the generator, a projection discriminator, hinge loss and a
moving average of the generator.

Real and generated images go through the discriminator in one batch.
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

import harness

CHANNELS, CHUNK, EMBEDDING, CLASSES = 64, 16, 32, 10


class Spectral(nn.Module):
    """Divides a weight by its largest singular value, one power iteration a training pass."""

    def prepare(self, rows):
        self.register_buffer("u0", torch.randn(1, rows))
        self.register_buffer("sv0", torch.ones(1))

    def normalised(self):
        matrix = self.weight.view(self.weight.size(0), -1)
        with torch.no_grad():
            v = F.normalize(self.u0 @ matrix, eps=1e-6)
            u = F.normalize(v @ matrix.t(), eps=1e-6)
            if self.training:
                self.u0.copy_(u)
        value = (v @ matrix.t() @ u.t()).view(1)
        if self.training:
            self.sv0.copy_(value.detach())
        return self.weight / value


class Conv(nn.Conv2d, Spectral):
    def __init__(self, inputs, outputs, kernel=3, bias=True):
        nn.Conv2d.__init__(self, inputs, outputs, kernel, padding=kernel // 2, bias=bias)
        self.prepare(outputs)

    def forward(self, x):
        return F.conv2d(x, self.normalised(), self.bias, padding=self.padding)


class Linear(nn.Linear, Spectral):
    def __init__(self, inputs, outputs, bias=True):
        nn.Linear.__init__(self, inputs, outputs, bias)
        self.prepare(outputs)

    def forward(self, x):
        return F.linear(x, self.normalised(), self.bias)


class Embedding(nn.Embedding, Spectral):
    def __init__(self, count, size):
        nn.Embedding.__init__(self, count, size)
        self.prepare(count)

    def forward(self, x):
        return F.embedding(x, self.normalised())


class Norm(nn.Module):
    """Batch norm whose scale and shift are linear in a condition."""

    def __init__(self, channels, condition):
        super().__init__()
        self.gain = Linear(condition, channels, bias=False)
        self.bias = Linear(condition, channels, bias=False)
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def forward(self, x, condition):
        x = F.batch_norm(x, self.stored_mean, self.stored_var, None, None, self.training, 0.1, 1e-5)
        return x * (1 + self.gain(condition))[..., None, None] + self.bias(condition)[..., None, None]


class PlainNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))

    def forward(self, x):
        return F.batch_norm(x, self.stored_mean, self.stored_var, self.gain, self.bias, self.training, 0.1, 1e-5)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.theta = Conv(channels, channels // 8, 1, bias=False)
        self.phi = Conv(channels, channels // 8, 1, bias=False)
        self.g = Conv(channels, channels // 2, 1, bias=False)
        self.o = Conv(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.tensor(0.0))

    def forward(self, x, condition=None):
        query = self.theta(x).flatten(2)
        key = F.max_pool2d(self.phi(x), 2).flatten(2)
        value = F.max_pool2d(self.g(x), 2).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ key, -1)
        attended = (value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return self.gamma * self.o(attended) + x


class GeneratorBlock(nn.Module):
    def __init__(self, channels, condition):
        super().__init__()
        self.conv1 = Conv(channels, channels)
        self.conv2 = Conv(channels, channels)
        self.conv_sc = Conv(channels, channels, 1)
        self.bn1 = Norm(channels, condition)
        self.bn2 = Norm(channels, condition)

    def forward(self, x, condition):
        h = F.interpolate(torch.relu(self.bn1(x, condition)), scale_factor=2)
        h = self.conv2(torch.relu(self.bn2(self.conv1(h), condition)))
        return h + self.conv_sc(F.interpolate(x, scale_factor=2))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Embedding(CLASSES, EMBEDDING)
        self.linear = Linear(CHUNK, CHANNELS * 16)
        blocks = [[GeneratorBlock(CHANNELS, EMBEDDING + CHUNK)] for _ in range(3)]
        blocks[1].append(Attention(CHANNELS))
        self.blocks = nn.ModuleList([nn.ModuleList(block) for block in blocks])
        self.output_layer = nn.Sequential(PlainNorm(CHANNELS), nn.ReLU(), Conv(CHANNELS, 3))

    def forward(self, latent, label):
        first, *rest = latent.split(CHUNK, 1)
        embedded = self.shared(label)
        h = self.linear(first).view(len(latent), CHANNELS, 4, 4)
        for block, chunk in zip(self.blocks, rest):
            condition = torch.cat([embedded, chunk], 1)
            for layer in block:
                h = layer(h, condition)
        return torch.tanh(self.output_layer(h))


class DiscriminatorBlock(nn.Module):
    def __init__(self, inputs, outputs, first, halves):
        super().__init__()
        self.first, self.halves = first, halves
        self.conv1 = Conv(inputs, outputs)
        self.conv2 = Conv(outputs, outputs)
        if inputs != outputs or halves:
            self.conv_sc = Conv(inputs, outputs, 1)

    def pool(self, x):
        return F.avg_pool2d(x, 2) if self.halves else x

    def forward(self, x):
        h = x if self.first else torch.relu(x)
        h = self.pool(self.conv2(torch.relu(self.conv1(h))))
        if not hasattr(self, "conv_sc"):
            return h + x
        return h + (self.conv_sc(self.pool(x)) if self.first else self.pool(self.conv_sc(x)))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        blocks = [DiscriminatorBlock(3 if i == 0 else CHANNELS, CHANNELS, i == 0, i < 2) for i in range(4)]
        self.blocks = nn.ModuleList([nn.ModuleList([block]) for block in blocks])
        self.linear = Linear(CHANNELS, 1)
        self.embed = Embedding(CLASSES, CHANNELS)

    def forward(self, image, label):
        h = image
        for block in self.blocks:
            h = block[0](h)
        h = torch.relu(h).sum([2, 3])
        return self.linear(h) + (self.embed(label) * h).sum(1, keepdim=True)


class BigGAN(harness.Recipe):
    batch_size, latent_size, classes = 32, 4 * CHUNK, CLASSES
    pictures = {"image": (3, 32, 32)}
    drawn_rows = 64  # generated images of the discriminator's update, then of the generator's

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator = Generator()
        self.discriminator = Discriminator()
        for network in (self.generator, self.discriminator):
            for module in network.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear, nn.Embedding)):
                    nn.init.orthogonal_(module.weight)
        self.average = copy.deepcopy(self.generator)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        settings = {"lr": 2e-4, "betas": (0.0, 0.999), "eps": 1e-6}
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), **settings)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), **settings)

    def step(self, image, label, latent, fake_label):
        count = self.batch_size
        with torch.no_grad():
            fake = self.generator(latent[:count], fake_label[:count])
        self.discriminator_optimizer.zero_grad()
        scores = self.discriminator(torch.cat([fake, image]), torch.cat([fake_label[:count], label]))
        loss = F.relu(1 - scores[count:]).mean() + F.relu(1 + scores[:count]).mean()
        loss.backward()
        self.discriminator_optimizer.step()

        self.discriminator.requires_grad_(False)
        self.generator_optimizer.zero_grad()
        fake = self.generator(latent[count:], fake_label[count:])
        generator_loss = -self.discriminator(fake, fake_label[count:]).mean()
        generator_loss.backward()
        self.generator_optimizer.step()
        self.discriminator.requires_grad_(True)
        with torch.no_grad():
            own = self.generator.state_dict()
            for name, value in self.average.state_dict().items():
                value.copy_(value * 0.999 + own[name] * 0.001)
        return [generator_loss.item(), loss.item()]

    @torch.no_grad()
    def sample(self, count):
        self.generator.eval()
        return self.generator(torch.randn(count, self.latent_size), torch.arange(count) % CLASSES)


if __name__ == "__main__":
    harness.main(BigGAN)
