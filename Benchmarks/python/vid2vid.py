"""vid2vid at 128×64: batches of 2 sequences of 4 frames, an update of each network for every 2 of them.

The reference flow and its confidence come with the data, so that neither side is timed for them.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

import harness
from maps import one_hot
from translation import freeze

CLASSES, HEIGHT, BREADTH = 11, 64, 128
WIDTH, HALVINGS, BLOCKS = 16, 2, 4
SEEN, UPDATES, CHUNK = 2, 2, 2
JUDGE_WIDTH, LAYERS, SCALES = 16, 2, 2
MATCHING, FLOW, TEMPORAL = 10.0, 10.0, 10.0


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.BatchNorm2d(width))

    def forward(self, x):
        return x + self.conv_block(x)


def encoder(channels):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, WIDTH, 7), nn.BatchNorm2d(WIDTH), nn.ReLU(True)]
    for level in range(HALVINGS):
        width = WIDTH << level
        layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.BatchNorm2d(2 * width), nn.ReLU(True)]
    return nn.Sequential(*layers, *blocks(BLOCKS - BLOCKS // 2))


def blocks(count):
    return [Block(WIDTH << HALVINGS) for _ in range(count)]


def decoder():
    layers = []
    for level in reversed(range(HALVINGS)):
        width = WIDTH << level
        layers += [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), nn.BatchNorm2d(width), nn.ReLU(True)]
    return nn.Sequential(*layers)


def head(channels, *activation):
    return nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(WIDTH, channels, 7), *activation)


def warped(image, flow):
    """An image moved by a flow in pixels; corners are the centres of the corner pixels."""
    height, width = image.shape[-2:]
    rows = torch.linspace(-1, 1, height).view(1, height, 1).expand(1, height, width)
    columns = torch.linspace(-1, 1, width).view(1, 1, width).expand(1, height, width)
    grid = torch.stack(
        [columns + flow[:, 0] / ((width - 1) / 2), rows + flow[:, 1] / ((height - 1) / 2)], dim=-1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=True)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.model_down_seg = encoder(CLASSES * SEEN)
        self.model_down_img = encoder(3 * (SEEN - 1))
        self.model_res_img = nn.Sequential(*blocks(BLOCKS // 2))
        self.model_up_img = decoder()
        self.model_final_img = head(3, nn.Tanh())
        self.model_res_flow = nn.Sequential(*blocks(BLOCKS // 2))
        self.model_up_flow = decoder()
        self.model_final_flow = head(2)
        self.model_final_w = head(1, nn.Sigmoid())

    def forward(self, maps, past):
        features = self.model_down_seg(maps) + self.model_down_img(past)
        raw = self.model_final_img(self.model_up_img(self.model_res_img(features)))
        of_flow = self.model_up_flow(self.model_res_flow(features))
        flow, weight = self.model_final_flow(of_flow) * 20, self.model_final_w(of_flow)
        return raw * weight + warped(past[:, -3:], flow) * (1 - weight), raw, flow


class Discriminator(nn.Module):
    def __init__(self, channels):
        super().__init__()
        for scale in range(SCALES):
            width = min(64, JUDGE_WIDTH << (SCALES - 1 - scale))
            for stage, layer in enumerate(self.stages(channels, width)):
                setattr(self, f"scale{scale}_layer{stage}", layer)

    @staticmethod
    def stages(channels, width):
        yield nn.Sequential(nn.Conv2d(channels, width, 4, 2, 2), nn.LeakyReLU(0.2, True))
        for layer in range(1, LAYERS + 1):
            stride = 2 if layer < LAYERS else 1
            yield nn.Sequential(
                nn.Conv2d(width, 2 * width, 4, stride, 2), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2, True))
            width *= 2
        yield nn.Sequential(nn.Conv2d(width, 1, 4, 1, 2))

    def forward(self, x):
        results = []
        for scale in reversed(range(SCALES)):
            outputs, y = [], x
            for stage in range(LAYERS + 2):
                y = getattr(self, f"scale{scale}_layer{stage}")(y)
                outputs.append(y)
            results.append(outputs)
            if scale:
                x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return results


def squares(outputs, target):
    return sum((scale[-1] - target).square().mean() for scale in outputs)


def flat(video):
    return video.reshape(-1, *video.shape[2:])


def initialise(module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Vid2Vid(harness.Recipe):
    batch_size, picture_count, checked_steps, first_samples = 2, 32, 2, 4
    is_video = True
    frames = SEEN - 1 + UPDATES * CHUNK
    pictures = {"frames": (frames, 3, HEIGHT, BREADTH)}
    label_maps = {"label": (CLASSES, frames, HEIGHT, BREADTH)}
    arrays = {
        "flowReference": (UPDATES, CHUNK, 2, HEIGHT, BREADTH),
        "confidence": (UPDATES, CHUNK, 1, HEIGHT, BREADTH),
    }

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.generator = Generator()
        self.discriminator = Discriminator(CLASSES + 3)
        self.temporal = Discriminator(2 * 3 + 2)
        self.networks = {
            "generator0": self.generator, "discriminator": self.discriminator,
            "temporalDiscriminator": self.temporal}
        for network in self.networks.values():
            network.apply(initialise)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), 2e-5, betas=(0.5, 0.999))
            for network in self.networks.values()]

    def judged(self, judge, condition, real, fake):
        """The discriminator's loss of real and of generated images, and the generator's terms."""
        seen = lambda image: image if condition is None else torch.cat([condition, image], 1)
        of_real, of_fake = judge(seen(real)), judge(seen(fake.detach()))
        freeze(judge, True)
        of_seen = judge(seen(fake))
        freeze(judge, False)
        matching = sum(
            (mine - true.detach()).abs().mean()
            for mines, trues in zip(of_seen, of_real) for mine, true in zip(mines[:-1], trues[:-1]))
        return (
            squares(of_real, 1) + squares(of_fake, 0),
            squares(of_seen, 1) + matching * (4 / (LAYERS + 1) / SCALES * MATCHING))

    def step(self, frames, label, flows, confidences):
        maps = one_hot(label, CLASSES).transpose(1, 2)
        past, last, memory, losses = frames[:, : SEEN - 1], None, None, []
        for number in range(UPDATES):
            start = number * CHUNK
            images, raws, own_flows = [], [], []
            for time in range(start, start + CHUNK):
                window = maps[:, time : time + SEEN].flatten(1, 2)
                image, raw, flow = self.generator(window, past.flatten(1, 2))
                past = torch.cat([past[:, 1:], image.detach().unsqueeze(1)], 1)
                images.append(image), raws.append(raw), own_flows.append(flow)
            first = start + SEEN - 1
            real, before = frames[:, first : first + CHUNK], frames[:, first - 1 : first - 1 + CHUNK]
            previous = before[:, :1] if last is None else last
            made = torch.stack(images, 1)
            last = made[:, -1:].detach()
            losses.append(self.update(
                flat(maps[:, first : first + CHUNK]), real, before, made, flat(torch.stack(raws, 1)),
                flat(torch.stack(own_flows, 1)), torch.cat([previous, made[:, :-1].detach()], 1),
                flows[:, number], confidences[:, number], memory))
            memory = (real[:, -1:], last, flows[:, number, -1:])
        return losses[0]

    def update(self, maps, real, before, made, raw, own, fake_before, flow, confidence, memory):
        videos = real, made, flow
        if memory is not None:
            videos = [torch.cat([old, new], 1) for old, new in zip(memory, videos)]
        real_group, fake_group, flow_group = (video[:, -2:] for video in videos)
        between = flow_group[:, 1:].flatten(1, 2) / 20
        real, before, fake, reference, sure = (
            flat(video) for video in (real, before, made, flow, confidence))

        of_finals, terms = self.judged(self.discriminator, maps, real, fake)
        of_raws, of_raw_terms = self.judged(self.discriminator, maps, real, raw)
        of_videos, of_video_terms = self.judged(
            self.temporal, None, torch.cat([real_group.flatten(1, 2), between], 1),
            torch.cat([fake_group.flatten(1, 2), between], 1))
        masked = lambda one, other: (one * sure - other * sure).abs().mean()
        loss = (
            terms + of_raw_terms + of_video_terms
            + TEMPORAL * masked(fake, warped(flat(fake_before), reference))
            + FLOW * masked(own, reference) + TEMPORAL * masked(warped(before, own), real))
        judging = (of_finals + of_raws) * 0.5
        for optimizer, each in zip(self.optimizers, (loss, judging, of_videos * 0.5)):
            optimizer.zero_grad()
            each.backward()
            optimizer.step()
        return [loss.item(), judging.item()]

    @torch.no_grad()
    def sample(self, count):
        maps = one_hot(torch.zeros(1, HEIGHT, BREADTH, dtype=torch.long), CLASSES)
        past, made = torch.zeros(1, SEEN - 1, 3, HEIGHT, BREADTH), [torch.zeros(1, 3, HEIGHT, BREADTH)]
        for _ in range(count - 1):
            image, _, _ = self.generator(torch.cat([maps] * SEEN, 1), past.flatten(1, 2))
            past = torch.cat([past[:, 1:], image.unsqueeze(1)], 1)
            made.append(image)
        return torch.stack(made, 1)


if __name__ == "__main__":
    harness.main(Vid2Vid)
