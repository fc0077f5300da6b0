"""CADDY's playable video at 64×64: 4 sequences of 6 frames, the last 3 repeated from generated ones."""

import torch
import torch.nn as nn
import torch.nn.functional as F

import harness

SIZE, FRAMES, GIVEN, ACTIONS, SPACE = 64, 6, 3, 3, 2
NARROW, MIDDLE, FEATURES, HIDDEN = 8, 16, 24, 32
CENTROID_DECAY, INFORMATION_DECAY = 0.1, 0.2


def conv(inputs, outputs, size=3, bias=False):
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=bias)


def pooled(x, factor):
    return x if factor == 1 else F.avg_pool2d(x, factor)


def twice(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Residual(nn.Module):
    def __init__(self, inputs, outputs, factor=1):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, outputs), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample = None if factor == 1 and inputs == outputs else nn.Sequential(
            conv(inputs, outputs, 1), nn.AvgPool2d(factor), nn.BatchNorm2d(outputs))
        self.factor = factor

    def forward(self, x):
        y = F.leaky_relu(self.bn1(pooled(self.conv1(x), self.factor)), 0.2)
        y = self.bn2(self.conv2(y))
        return F.leaky_relu(y + (x if self.downsample is None else self.downsample(x)), 0.2)


class Representation(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv(3, NARROW), nn.BatchNorm2d(NARROW)
        self.residuals = nn.Sequential(
            Residual(NARROW, NARROW), Residual(NARROW, MIDDLE, 2), Residual(MIDDLE, MIDDLE),
            Residual(MIDDLE, FEATURES, 2), Residual(FEATURES, FEATURES), Residual(FEATURES, FEATURES + 1))

    def forward(self, x):
        x = self.residuals(F.leaky_relu(self.bn1(pooled(self.conv1(x), 2)), 0.2))
        return x[:, :FEATURES], x[:, FEATURES:].sigmoid()


class Recognition(nn.Module):
    def __init__(self):
        super().__init__()
        self.residuals = nn.Sequential(Residual(FEATURES, 2 * FEATURES, 2), Residual(2 * FEATURES, 2 * FEATURES))
        self.mean_fc, self.variance_fc = nn.Linear(2 * FEATURES, SPACE), nn.Linear(2 * FEATURES, SPACE)
        self.final_fc = nn.Linear(SPACE, ACTIONS)

    def forward(self, states, attention, noise):
        batch, time = states.shape[:2]
        features = self.residuals((states * attention).flatten(0, 1)).mean((2, 3))
        mean = self.mean_fc(features).view(batch, time, -1)
        variance = self.variance_fc(features).abs().view(batch, time, -1)
        mean, variance = mean[:, 1:] - mean[:, :-1], variance[:, 1:] + variance[:, :-1]
        sampled = noise * variance.sqrt() + mean
        return self.final_fc(sampled), mean, variance, sampled


class Cell(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        for name in ("input", "forget", "output", "cell"):
            setattr(self, f"{name}_gate", conv(inputs + outputs, outputs, bias=True))


class Recurrent(nn.Module):
    def __init__(self, inputs, outputs, side):
        super().__init__()
        self.initial_hidden_state = nn.Parameter(torch.zeros(outputs, side, side))
        self.initial_hidden_cell_state = nn.Parameter(torch.zeros(outputs, side, side))
        self.cell = Cell(inputs, outputs)

    def forward(self, x, state):
        if state is None:
            state = [each.expand(len(x), *each.shape)
                     for each in (self.initial_hidden_state, self.initial_hidden_cell_state)]
        joined = torch.cat([x, state[0]], 1)
        cell = self.cell
        memory = cell.forget_gate(joined).sigmoid() * state[1]
        memory = memory + cell.input_gate(joined).sigmoid() * cell.cell_gate(joined).tanh()
        hidden = cell.output_gate(joined).sigmoid() * memory.tanh()
        return hidden, (hidden, memory)


class ActionBlock(nn.Module):
    def __init__(self, inputs, outputs, factor):
        super().__init__()
        self.conv1, self.bn1, self.factor = conv(inputs, outputs), nn.BatchNorm2d(outputs), factor

    def forward(self, x):
        return F.leaky_relu(self.bn1(pooled(self.conv1(x), self.factor)), 0.2)


class Doubled(nn.Module):
    def __init__(self, inputs, outputs, is_late=False):
        super().__init__()
        self.conv, self.norm, self.is_late = conv(inputs, outputs), nn.BatchNorm2d(outputs), is_late

    def forward(self, x):
        y = F.leaky_relu(self.norm(self.conv(x if self.is_late else twice(x))), 0.2)
        return twice(y) if self.is_late else y


class Dynamics(nn.Module):
    def __init__(self):
        super().__init__()
        told, side = ACTIONS + SPACE, SIZE // 8
        recurrent = [(FEATURES, HIDDEN, side), (2 * HIDDEN, 2 * HIDDEN, side // 2), (HIDDEN, HIDDEN, side)]
        self.recurrent_layers_blocks = nn.ModuleList(
            nn.ModuleList([Recurrent(inputs + told, outputs, size), nn.BatchNorm2d(outputs)])
            for inputs, outputs, size in recurrent)
        self.non_recurrent_blocks = nn.ModuleList([
            ActionBlock(HIDDEN + told, 2 * HIDDEN, 2), Doubled(2 * HIDDEN + told, HIDDEN, True),
            ActionBlock(HIDDEN + told, HIDDEN, 1)])

    def forward(self, x, action, variation, memory):
        told = torch.cat([action, variation], 1)[:, :, None, None]
        joined = lambda y: torch.cat([y, told.expand(-1, -1, *y.shape[2:])], 1)
        memory = list(memory)
        for index, (recurrent, norm) in enumerate(self.recurrent_layers_blocks):
            x, memory[index] = recurrent(joined(x), memory[index])
            x = self.non_recurrent_blocks[index](joined(norm(x)))
        return x, memory


class Rendering(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [HIDDEN, HIDDEN, HIDDEN // 2, HIDDEN // 4]
        self.upsample_blocks = nn.ModuleList([
            nn.Sequential(Doubled(widths[0], widths[1]), Residual(widths[1], widths[1])),
            nn.Sequential(Doubled(widths[1], widths[2]), Residual(widths[2], widths[2])),
            Doubled(widths[2], widths[3])])
        self.final_blocks = nn.ModuleList()
        for level in range(3):
            block = nn.Module()
            block.conv = conv(widths[level + 1], 3, 7 if level == 2 else 3, bias=True)
            self.final_blocks.append(block)

    def forward(self, x):
        images = []
        for up, final in zip(self.upsample_blocks, self.final_blocks):
            x = up(x)
            images.insert(0, final.conv(x).tanh())
        return images


class Centroids(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("estimated_centroids", torch.randn(ACTIONS, SPACE))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.state_to_hidden_state_layer = nn.Sequential(conv(FEATURES, HIDDEN, bias=True))
        self.action_network = nn.Sequential(Recognition())
        self.dynamics_network, self.representation_network = Dynamics(), Representation()
        self.rendering_network, self.centroid_estimator = Rendering(), Centroids()

    def sampled(self, logits, mean, points, gumbel):
        """Soft samples of actions, and how far directions lie from the actions' centroids."""
        flat, points = logits.flatten(0, 1), points.flatten(0, 1)
        centroids = self.centroid_estimator.estimated_centroids
        with torch.no_grad():
            shares = flat.softmax(1)
            found = shares.t() @ mean.flatten(0, 1) / shares.sum(0).unsqueeze(1)
            centroids.copy_(centroids * (1 - CENTROID_DECAY) + found * CENTROID_DECAY)
        samples = (flat.log_softmax(1) + gumbel).softmax(1)
        distances = points.unsqueeze(1) - centroids.clone().unsqueeze(0)
        variations = (samples.unsqueeze(2) * distances).sum(1)
        return samples.view(logits.shape), variations.view(*logits.shape[:2], SPACE)

    def forward(self, images, noise, again, gumbel):
        batch, time = images.shape[:2]
        ground, attention = (
            each.view(batch, time, *each.shape[1:])
            for each in self.representation_network(images.flatten(0, 1)))
        logits, mean, variance, points = self.action_network[0](ground, attention, noise)
        samples, variations = self.sampled(logits, mean, points, gumbel)
        states, seen, frames, memory = [ground[:, 0]], [attention[:, 0]], [], [None] * 3
        for index in range(time - 1):
            hidden, memory = self.dynamics_network(
                states[index], samples[:, index], variations[:, index], memory)
            frames.append(self.rendering_network(hidden))
            if index + 1 < GIVEN:
                states.append(ground[:, index + 1])
                seen.append(attention[:, index + 1])
            else:
                state, where = self.representation_network(frames[-1][0])
                states.append(state)
                seen.append(where)
        states, seen = torch.stack(states, 1), torch.stack(seen, 1)
        others = self.action_network[0](states, seen, again)[0]
        sizes = [torch.stack(each, 1) for each in zip(*frames)]
        return sizes, states, ground, (mean, variance), logits, others


def difference(sizes, images):
    target = images[:, 1:].flatten(0, 1)
    terms = []
    for each in sizes:
        each = each.flatten(0, 1)
        wanted = target if each.shape == target.shape else F.interpolate(
            target, each.shape[2:], mode="bilinear", align_corners=False)
        terms.append((each - wanted).abs().mean())
    return torch.stack(terms).mean()


class PlayableVideo(harness.Recipe):
    batch_size, picture_count, checked_steps, first_samples = 4, 64, 3, 4
    pictures = {"image": (FRAMES, 3, SIZE, SIZE)}
    is_video = True

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.model = Model()
        self.networks = {"model": self.model}
        self.optimizer = torch.optim.Adam(self.model.parameters(), 4e-4, weight_decay=1e-6)
        self.joint = torch.full((ACTIONS, ACTIONS), 1 / ACTIONS**2)

    def draws(self):
        states, steps = self.batch_size * FRAMES, self.batch_size * (FRAMES - 1)
        return {
            "stateNoise": torch.randn(states, SPACE), "directionNoise": torch.randn(steps, SPACE),
            "reconstructedStateNoise": torch.randn(states, SPACE),
            "reconstructedDirectionNoise": torch.randn(steps, SPACE),
            "gumbel": torch.rand(steps, ACTIONS),
        }

    def information(self, first, second):
        shares = [each.softmax(2).flatten(0, 1) for each in (first, second)]
        joint = shares[0].t() @ shares[1]
        joint = (joint + joint.t()) / 2
        joint = joint / joint.sum()
        joint = self.joint * (1 - INFORMATION_DECAY) + joint * INFORMATION_DECAY
        self.joint = joint.detach()
        clipped = lambda x: x.clamp(min=2.0**-52)
        rows, columns = joint.sum(1, keepdim=True), joint.sum(0, keepdim=True)
        joint = clipped(joint)
        return (joint * (joint.log() - clipped(rows).log() - clipped(columns).log())).sum()

    def step(self, image, _, directions, __, again, uniform):
        shape = (self.batch_size, FRAMES - 1, SPACE)
        gumbel = -(-uniform.clamp(min=1e-20).log()).clamp(min=1e-20).log()
        sizes, states, ground, (mean, variance), logits, others = self.model(
            image, directions.view(shape), again.view(shape), gumbel)
        mean, variance = mean.flatten(0, 1), variance.flatten(0, 1)
        divergence = -0.5 * (1 + variance.log() - mean.square() - variance).sum(1).mean()
        loss = (
            difference(sizes, image) + 0.2 * (states - ground.detach()).square().mean()
            + 1e-4 * divergence - 0.15 * self.information(logits, others))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return [loss.item()]

    @torch.no_grad()
    def sample(self, count):
        model = self.model.eval()
        x, memory, frames = torch.zeros(1, 3, SIZE, SIZE), [None] * 3, []
        action, variation = torch.tensor([[1.0, 0.0, 0.0]]), torch.zeros(1, SPACE)
        for _ in range(count):
            state, _ = model.representation_network(x)
            hidden, memory = model.dynamics_network(state, action, variation, memory)
            x = model.rendering_network(hidden)[0]
            frames.append(x)
        return torch.stack(frames, 1)


if __name__ == "__main__":
    harness.main(PlayableVideo)
