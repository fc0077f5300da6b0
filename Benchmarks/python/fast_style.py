"""Fast style transfer at 256 x 256, batch 4, as PyTorch's own examples have it.

The transform network learns from a frozen VGG16: activations of one layer between input and output,
and Gram matrices of four between output and the style's image. Weights of the VGG are drawn here;
speed does not depend on them.
"""

import torch
from torch import nn
from torch.nn import functional

import harness

WIDTHS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)
TAPS = (3, 8, 15, 22)  # relu1_2, relu2_2, relu3_3, relu4_3


class ConvLayer(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, upsample=None):
        super().__init__()
        self.upsample = upsample
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x):
        if self.upsample:
            x = functional.interpolate(x, mode="nearest", scale_factor=self.upsample)
        return self.conv2d(self.reflection_pad(x))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = ConvLayer(channels, channels, 3, 1)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = ConvLayer(channels, channels, 3, 1)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.in2(self.conv2(self.relu(self.in1(self.conv1(x))))) + x


class TransformNet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.conv1 = ConvLayer(3, width, 9, 1)
        self.in1 = nn.InstanceNorm2d(width, affine=True)
        self.conv2 = ConvLayer(width, 2 * width, 3, 2)
        self.in2 = nn.InstanceNorm2d(2 * width, affine=True)
        self.conv3 = ConvLayer(2 * width, 4 * width, 3, 2)
        self.in3 = nn.InstanceNorm2d(4 * width, affine=True)
        for index in range(1, 6):
            setattr(self, f"res{index}", Residual(4 * width))
        self.deconv1 = ConvLayer(4 * width, 2 * width, 3, 1, 2)
        self.in4 = nn.InstanceNorm2d(2 * width, affine=True)
        self.deconv2 = ConvLayer(2 * width, width, 3, 1, 2)
        self.in5 = nn.InstanceNorm2d(width, affine=True)
        self.deconv3 = ConvLayer(width, 3, 9, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        y = self.relu(self.in1(self.conv1(x)))
        y = self.relu(self.in2(self.conv2(y)))
        y = self.relu(self.in3(self.conv3(y)))
        for index in range(1, 6):
            y = getattr(self, f"res{index}")(y)
        y = self.relu(self.in4(self.deconv1(y)))
        y = self.relu(self.in5(self.deconv2(y)))
        return self.deconv3(y)


class VGG16(nn.Module):
    """The convolutions up to relu4_3, under torchvision's names."""

    def __init__(self):
        super().__init__()
        layers, inputs = [], 3
        for width in WIDTHS:
            if width == "M":
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
            nn.init.kaiming_normal_(layers[-2].weight)
            inputs = width
        self.features = nn.Sequential(*layers)
        for parameter in self.parameters():
            parameter.requires_grad = False

    def forward(self, x):
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in TAPS:
                found.append(x)
        return found


def gram_matrix(y):
    batch, channels, height, width = y.shape
    features = y.view(batch, channels, height * width)
    return features.bmm(features.transpose(1, 2)) / (channels * height * width)


def normalise(batch):
    mean = batch.new_tensor([0.485, 0.456, 0.406]).view(-1, 1, 1)
    deviation = batch.new_tensor([0.229, 0.224, 0.225]).view(-1, 1, 1)
    return (batch.div_(255.0) - mean) / deviation


class FastStyle(harness.Recipe):
    batch_size, picture_count, checked_steps, checked_part, first_samples = 4, 64, 3, 4, 1
    pictures, shared, is_signed = {"content": (3, 256, 256)}, {"style": (3, 256, 256)}, False

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.transformer = TransformNet()
        self.vgg = VGG16()
        self.networks = {"generator": self.transformer, "vgg16": self.vgg}
        self.optimizer = torch.optim.Adam(self.transformer.parameters(), 1e-3)

    def prepare(self, style):
        style = (style * 255).repeat(self.batch_size, 1, 1, 1)
        self.grams = [gram_matrix(y) for y in self.vgg(normalise(style))]

    def step(self, content):
        self.optimizer.zero_grad()
        x = content * 255
        y = self.transformer(x)
        y = normalise(y)
        x = normalise(x)
        features_y = self.vgg(y)
        features_x = self.vgg(x)
        content_loss = 1e5 * functional.mse_loss(features_y[1], features_x[1])
        style_loss = 0.0
        for feature, gram in zip(features_y, self.grams):
            style_loss += functional.mse_loss(gram_matrix(feature), gram[: len(x)])
        style_loss *= 1e10
        total = content_loss + style_loss
        total.backward()
        self.optimizer.step()
        return [total.item()]

    @torch.no_grad()
    def generate(self, picture):
        self.transformer.eval()
        return self.transformer(picture * 255)

    def sample(self, count):
        return self.generate(torch.rand(count, *self.pictures["content"]))


if __name__ == "__main__":
    harness.main(FastStyle)
