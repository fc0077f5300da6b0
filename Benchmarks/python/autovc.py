"""AutoVC at the authors' sizes for four speakers by one-hot embeddings: convolutions, LSTMs, a postnet, Adam."""

import torch
from torch import nn
from torch.nn import functional as F

import harness

BANDS, FRAMES, SPEAKERS, GROUP, CODE = 80, 128, 4, 16, 16
ENCODER, DECODER, OUTPUT, POSTNET = 512, 512, 1024, 512


class Convolution(nn.Module):
    """A convolution under the name that the authors' layer gives it."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, 5, padding=2)

    def forward(self, x):
        return self.conv(x)


class Projection(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear_layer = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.linear_layer(x)


def normed(inputs, outputs):
    return nn.Sequential(Convolution(inputs, outputs), nn.BatchNorm1d(outputs))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.ModuleList(
            normed(BANDS + SPEAKERS if layer == 0 else ENCODER, ENCODER) for layer in range(3))
        self.lstm = nn.LSTM(ENCODER, CODE, 2, batch_first=True, bidirectional=True)

    def forward(self, mel, voice):
        x = torch.cat((mel.transpose(1, 2), voice.unsqueeze(2).expand(-1, -1, mel.shape[1])), 1)
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
        outputs = self.lstm(x.transpose(1, 2))[0]
        return torch.cat((outputs[:, GROUP - 1 :: GROUP, :CODE], outputs[:, ::GROUP, CODE:]), 2)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm1 = nn.LSTM(2 * CODE + SPEAKERS, DECODER, 1, batch_first=True)
        self.convolutions = nn.ModuleList(normed(DECODER, DECODER) for _ in range(3))
        self.lstm2 = nn.LSTM(DECODER, OUTPUT, 2, batch_first=True)
        self.linear_projection = Projection(OUTPUT, BANDS)

    def forward(self, x):
        x = self.lstm1(x)[0].transpose(1, 2)
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
        return self.linear_projection(self.lstm2(x.transpose(1, 2))[0])


class Postnet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = (BANDS, POSTNET, POSTNET, POSTNET, POSTNET, BANDS)
        self.convolutions = nn.ModuleList(normed(widths[i], widths[i + 1]) for i in range(5))

    def forward(self, x):
        for convolution in self.convolutions[:-1]:
            x = torch.tanh(convolution(x))
        return self.convolutions[-1](x)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder, self.postnet = Encoder(), Decoder(), Postnet()

    def forward(self, mel, source, target):
        codes = self.encoder(mel, source)
        x = torch.cat((
            codes.repeat_interleave(GROUP, 1), target.unsqueeze(1).expand(-1, mel.shape[1], -1)), 2)
        output = self.decoder(x)
        return output, output + self.postnet(output.transpose(1, 2)).transpose(1, 2), codes.flatten(1)


class AutoVC(harness.Recipe):
    batch_size, pictures, picture_count, checked_steps, first_samples = 2, {}, 256, 3, 1
    arrays = {"mel": (BANDS, FRAMES)}
    numbers = {"speaker": SPEAKERS}

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator = Generator()
        self.networks = {"generator": self.generator}
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=1e-4)

    def step(self, mel, speaker):
        mel = mel.transpose(1, 2)
        voice = F.one_hot(speaker, SPEAKERS).to(mel.dtype)
        self.optimizer.zero_grad()
        output, postnet, codes = self.generator(mel, voice, voice)
        identity, identity_postnet = F.mse_loss(output, mel), F.mse_loss(postnet, mel)
        code = F.l1_loss(self.generator.encoder(postnet, voice).flatten(1), codes)
        total = identity + identity_postnet + code
        total.backward()
        self.optimizer.step()
        return [identity.item(), identity_postnet.item(), code.item(), total.item()]

    @torch.no_grad()
    def sample(self, seconds):
        self.generator.eval()
        voice = torch.eye(SPEAKERS)[:1]
        frames = seconds * 16_000 // 256 // GROUP * GROUP
        return self.generator(torch.zeros(1, frames, BANDS), voice, voice)[1]


if __name__ == "__main__":
    harness.main(AutoVC)
