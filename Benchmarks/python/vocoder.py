"""HiFi-GAN of a narrow third version at 16 kHz: least squares, feature matching, L1 of mel spectrograms, AdamW.

Weight norm everywhere but in the first discriminator of scales, which has spectral norm. The
discriminators are updated first; what the generator makes is computed once for both.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import remove_weight_norm, spectral_norm, weight_norm

import harness

BANDS, RATE, TRANSFORM, HOP = 80, 16_000, 1024, 256
CHANNELS, RATES, KERNELS = 128, (8, 8, 4), (16, 16, 8)
RESIDUAL_KERNELS, DILATIONS = (3, 5, 7), ((1, 2), (2, 6), (3, 12))
PERIODS, PERIOD_CHANNELS, SCALE_CHANNELS = (2, 3, 5, 7, 11), (8, 16, 32, 64), (16, 32, 64, 64)


class Block(nn.Module):
    def __init__(self, channels, kernel, dilations):
        super().__init__()
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) * each // 2, dilation=each))
            for each in dilations)

    def forward(self, x):
        for conv in self.convs:
            x = conv(F.leaky_relu(x, 0.1)) + x
        return x


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_pre = weight_norm(nn.Conv1d(BANDS, CHANNELS, 7, padding=3))
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        channels = CHANNELS
        for rate, kernel in zip(RATES, KERNELS):
            self.ups.append(weight_norm(
                nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2)))
            channels //= 2
            for size, dilations in zip(RESIDUAL_KERNELS, DILATIONS):
                self.resblocks.append(Block(channels, size, dilations))
        self.conv_post = weight_norm(nn.Conv1d(channels, 1, 7, padding=3))

    def forward(self, x):
        x = self.conv_pre(x)
        count = len(RESIDUAL_KERNELS)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, 0.1))
            x = sum(block(x) for block in self.resblocks[stage * count : (stage + 1) * count]) / count
        return torch.tanh(self.conv_post(F.leaky_relu(x)))

    def fold(self):
        for up in (*self.ups, self.conv_pre, self.conv_post):
            remove_weight_norm(up)
        for block in self.resblocks:
            for conv in block.convs:
                remove_weight_norm(conv)


class PeriodDiscriminator(nn.Module):
    def __init__(self, period):
        super().__init__()
        self.period = period
        widths = (1, *PERIOD_CHANNELS, PERIOD_CHANNELS[-1])
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv2d(
                widths[i], widths[i + 1], (5, 1), (3 if i < len(widths) - 2 else 1, 1), padding=(2, 0)))
            for i in range(len(widths) - 1))
        self.conv_post = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, x):
        missing = -x.shape[2] % self.period
        if missing:
            x = F.pad(x, (0, missing), "reflect")
        x = x.view(x.shape[0], 1, x.shape[2] // self.period, self.period)
        layers = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            layers.append(x)
        layers.append(self.conv_post(x).flatten(1))
        return layers


class ScaleDiscriminator(nn.Module):
    def __init__(self, norm):
        super().__init__()
        a, b, c, d = SCALE_CHANNELS
        shapes = ((1, a, 15, 1, 1), (a, a, 41, 2, 4), (a, b, 41, 2, 16), (b, c, 41, 4, 16), (c, d, 41, 4, 16),
                  (d, d, 41, 1, 16), (d, d, 5, 1, 1))
        self.convs = nn.ModuleList(
            norm(nn.Conv1d(inputs, outputs, kernel, stride, kernel // 2, groups=groups))
            for inputs, outputs, kernel, stride, groups in shapes)
        self.conv_post = norm(nn.Conv1d(d, 1, 3, padding=1))

    def forward(self, x):
        layers = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            layers.append(x)
        layers.append(self.conv_post(x).flatten(1))
        return layers


class Judges(nn.Module):
    def __init__(self, discriminators, pools=False):
        super().__init__()
        self.discriminators = nn.ModuleList(discriminators)
        self.pools = pools

    def forward(self, real, generated):
        judged = []
        for index, part in enumerate(self.discriminators):
            if self.pools and index:
                real, generated = F.avg_pool1d(real, 4, 2, 2), F.avg_pool1d(generated, 4, 2, 2)
            judged.append((part(real), part(generated)))
        return judged


def mel_filters(highest):
    """Slaney's triangles of unit area from 0 Hz."""
    def mel(hertz):
        return hertz * 3 / 200 if hertz < 1000 else 15 + math.log(hertz / 1000) * 27 / math.log(6.4)

    def hertz(mels):
        return mels * 200 / 3 if mels < 15 else 1000 * math.exp((mels - 15) * math.log(6.4) / 27)

    edges = [hertz(mel(highest) * i / (BANDS + 1)) for i in range(BANDS + 2)]
    bins = torch.arange(TRANSFORM // 2 + 1, dtype=torch.float64) * RATE / TRANSFORM
    rows = [
        torch.minimum((bins - a) / (b - a), (c - bins) / (c - b)).clamp(min=0) * 2 / (c - a)
        for a, b, c in zip(edges, edges[1:], edges[2:])]
    return torch.stack(rows)


class Mel:
    def __init__(self, highest):
        self.filters = mel_filters(highest).to(torch.get_default_dtype())
        self.window = torch.hann_window(TRANSFORM)

    def __call__(self, waveform):
        margin = (TRANSFORM - HOP) // 2
        padded = F.pad(waveform.unsqueeze(1), (margin, margin), "reflect").squeeze(1)
        spectrum = torch.stft(
            padded, TRANSFORM, HOP, TRANSFORM, self.window, center=False, return_complex=True)
        strengths = torch.sqrt(torch.view_as_real(spectrum).pow(2).sum(-1) + 1e-9)
        return torch.log(torch.clamp(self.filters @ strengths, min=1e-5))


class Vocoder(harness.Recipe):
    batch_size, pictures, picture_count, checked_steps, first_samples = 8, {}, 256, 3, 1
    sounds = {"waveform": 4096}
    sample_rate = RATE

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator = Generator()
        self.periods = Judges([PeriodDiscriminator(period) for period in PERIODS])
        self.scales = Judges(
            [ScaleDiscriminator(spectral_norm if index == 0 else weight_norm) for index in range(3)], pools=True)
        self.networks = {"generator": self.generator, "periods": self.periods, "scales": self.scales}
        self.judges = [self.scales, self.periods]
        options = {"lr": 1e-3, "betas": (0.8, 0.99)}
        self.optimizer = torch.optim.AdamW(self.generator.parameters(), **options)
        self.judges_optimizer = torch.optim.AdamW(
            [p for each in self.judges for p in each.parameters()], **options)
        self.mel, self.loss_mel = Mel(8000), Mel(RATE / 2)

    def step(self, real):
        generated = self.generator(self.mel(real.squeeze(1)))
        self.judges_optimizer.zero_grad()
        copy = generated.detach()
        judged = sum(
            ((1 - ours[-1]) ** 2).mean() + (theirs[-1] ** 2).mean()
            for each in self.judges for ours, theirs in each(real, copy))
        judged.backward()
        self.judges_optimizer.step()

        self.optimizer.zero_grad()
        total = 45 * F.l1_loss(self.loss_mel(real.squeeze(1)), self.loss_mel(generated.squeeze(1)))
        for each in self.judges:
            for ours, theirs in each(real, generated):
                total = total + ((1 - theirs[-1]) ** 2).mean()
                total = total + 2 * sum((a - b).abs().mean() for a, b in zip(ours, theirs))
        total.backward()
        self.optimizer.step()
        return [total.item(), judged.item()]

    @torch.no_grad()
    def sample(self, seconds):
        self.generator.eval()
        if hasattr(self.generator.conv_pre, "weight_g"):
            self.generator.fold()
        return self.generator(torch.zeros(1, BANDS, seconds * RATE // HOP))


if __name__ == "__main__":
    harness.main(Vocoder)
