"""The first-order motion model at 64 x 64, 8 pairs of frames, at sizes near those of the preset `small`.

Generator and keypoint detector learn together: mean absolute differences on three scales, and keypoints and their
matrices that move along with a random warp. Frames are neither mirrored nor given other colours on both sides.
"""

import torch
from torch import nn
from torch.nn import functional as F

import harness

SIDE, KEYPOINTS, TEMPERATURE, SCALE, VARIANCE = 64, 6, 0.1, 0.5, 0.01
HOURGLASS_WIDTH, WIDTH, WIDEST, HALVINGS, DOWNS, BLOCKS = 12, 24, 64, 3, 2, 2
PYRAMID, AFFINE, SPLINE, POINTS = (1, 0.5, 0.25), 0.05, 0.005, 5
RECONSTRUCTION, EQUIVARIANCE = 30.0, 10.0


def channels(width, doublings):
    return min(WIDEST, width << doublings)


def coordinates(height, width):
    """Points (x, y) of all pixels, [height, width, 2]; the centres of the corner pixels lie at -1 and 1."""
    rows, columns = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([columns, rows], dim=2)


def gaussians(points, height, width):
    offsets = coordinates(height, width) - points[:, :, None, None]
    return torch.exp(-0.5 * (offsets**2).sum(-1) / VARIANCE)


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.avg_pool2d(F.relu(self.norm(self.conv(x))), 2)


class Up(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(F.interpolate(x, scale_factor=2))))


class Same(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, outputs, 7, padding=3), nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(y))) + x


class Blocks(nn.Module):
    """Blocks under the authors' names."""

    def __init__(self, **blocks):
        super().__init__()
        for name, block in blocks.items():
            setattr(self, name, nn.ModuleList(block))


class Hourglass(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        width = HOURGLASS_WIDTH
        self.encoder = Blocks(down_blocks=[
            Down(inputs if place == 0 else channels(width, place), channels(width, place + 1))
            for place in range(HALVINGS)])
        self.decoder = Blocks(up_blocks=[
            Up((1 if place == HALVINGS - 1 else 2) * channels(width, place + 1), channels(width, place))
            for place in reversed(range(HALVINGS))])
        self.outputs = width + inputs

    def forward(self, x):
        seen = [x]
        for block in self.encoder.down_blocks:
            seen.append(block(seen[-1]))
        y = seen.pop()
        for block in self.decoder.up_blocks:
            y = torch.cat([block(y), seen.pop()], dim=1)
        return y


class Reduction(nn.Module):
    """Gaussian blur, and every so-many-th pixel."""

    def __init__(self, scale):
        super().__init__()
        deviation = (1 / scale - 1) / 2
        self.radius, self.step = round(deviation * 4), int(1 / scale)
        line = torch.exp(-torch.arange(-self.radius, self.radius + 1.0) ** 2 / (2 * deviation**2))
        kernel = line[:, None] * line
        self.register_buffer("weight", (kernel / kernel.sum()).expand(3, 1, -1, -1).clone())

    def forward(self, x):
        blurred = F.conv2d(F.pad(x, (self.radius,) * 4), self.weight.to(x.dtype), groups=3)
        return blurred[:, :, :: self.step, :: self.step]


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.predictor = Hourglass(3)
        self.kp = nn.Conv2d(self.predictor.outputs, KEYPOINTS, 7)
        self.jacobian = nn.Conv2d(self.predictor.outputs, 4 * KEYPOINTS, 7)
        self.jacobian.weight.data.zero_()
        self.jacobian.bias.data.copy_(torch.tensor([1.0, 0, 0, 1] * KEYPOINTS))
        self.down = Reduction(SCALE)

    def forward(self, image):
        features = self.predictor(self.down(image))
        logits = self.kp(features)
        batch, _, height, width = logits.shape
        shares = F.softmax(logits.view(batch, KEYPOINTS, -1) / TEMPERATURE, dim=2).view_as(logits)
        points = (shares.unsqueeze(-1) * coordinates(height, width)).sum(dim=(2, 3))
        matrices = self.jacobian(features).reshape(batch, KEYPOINTS, 4, height, width)
        matrices = (shares.unsqueeze(2) * matrices).flatten(3).sum(dim=-1)
        return points, matrices.view(batch, KEYPOINTS, 2, 2)


class DenseMotion(nn.Module):
    def __init__(self):
        super().__init__()
        self.hourglass = Hourglass((KEYPOINTS + 1) * 4)
        self.mask = nn.Conv2d(self.hourglass.outputs, KEYPOINTS + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(self.hourglass.outputs, 1, 7, padding=3)
        self.down = Reduction(SCALE)

    def forward(self, image, source, driving):
        small = self.down(image)
        batch, _, height, width = small.shape
        grid = coordinates(height, width).view(1, 1, height, width, 2)
        moved = grid - driving[0].view(batch, KEYPOINTS, 1, 1, 2)
        turn = torch.matmul(source[1], torch.inverse(driving[1]))[:, :, None, None]
        moved = torch.matmul(turn, moved.unsqueeze(-1)).squeeze(-1) + source[0].view(batch, KEYPOINTS, 1, 1, 2)
        motions = torch.cat([grid.expand(batch, -1, -1, -1, -1), moved], dim=1)
        repeated = small.unsqueeze(1).expand(-1, KEYPOINTS + 1, -1, -1, -1).flatten(0, 1)
        warped = F.grid_sample(repeated, motions.flatten(0, 1), align_corners=True)
        maps = gaussians(driving[0], height, width) - gaussians(source[0], height, width)
        maps = torch.cat([torch.zeros_like(maps[:, :1]), maps], dim=1).unsqueeze(2)
        seen = torch.cat([maps, warped.view(batch, KEYPOINTS + 1, 3, height, width)], dim=2)
        features = self.hourglass(seen.view(batch, -1, height, width))
        shares = F.softmax(self.mask(features), dim=1)
        deformation = (motions * shares.unsqueeze(-1)).sum(dim=1)
        return deformation, torch.sigmoid(self.occlusion(features))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense_motion_network = DenseMotion()
        self.first = Same(3, channels(WIDTH, 0))
        self.down_blocks = nn.ModuleList(
            Down(channels(WIDTH, place), channels(WIDTH, place + 1)) for place in range(DOWNS))
        self.bottleneck = nn.Sequential()
        for place in range(BLOCKS):
            self.bottleneck.add_module(f"r{place}", Residual(channels(WIDTH, DOWNS)))
        self.up_blocks = nn.ModuleList(
            Up(channels(WIDTH, place + 1), channels(WIDTH, place)) for place in reversed(range(DOWNS)))
        self.final = nn.Conv2d(channels(WIDTH, 0), 3, 7, padding=3)

    def forward(self, image, source, driving):
        x = self.first(image)
        for block in self.down_blocks:
            x = block(x)
        deformation, occlusion = self.dense_motion_network(image, source, driving)
        size = x.shape[2:]
        if deformation.shape[1:3] != size:
            deformation = F.interpolate(
                deformation.permute(0, 3, 1, 2), size=size, mode="bilinear", align_corners=False
            ).permute(0, 2, 3, 1)
            occlusion = F.interpolate(occlusion, size=size, mode="bilinear", align_corners=False)
        x = F.grid_sample(x, deformation, align_corners=True) * occlusion
        x = self.bottleneck(x)
        for block in self.up_blocks:
            x = block(x)
        return torch.sigmoid(self.final(x))


class Warp:
    """A random affine map and a bend by thin plate splines, one for each image."""

    def __init__(self, affine, control):
        self.theta = affine * AFFINE + torch.eye(2, 3)
        self.control = control * SPLINE
        self.grid = coordinates(POINTS, POINTS).view(1, 1, -1, 2)

    def points(self, x):
        theta = self.theta.unsqueeze(1)
        moved = (torch.matmul(theta[..., :2], x.unsqueeze(-1)) + theta[..., 2:]).squeeze(-1)
        distances = (x.unsqueeze(2) - self.grid).abs().sum(-1)
        bend = distances**2 * torch.log(distances + 1e-6) * self.control
        return moved + bend.sum(dim=2, keepdim=True)

    def frames(self, x):
        batch, _, height, width = x.shape
        grid = self.points(coordinates(height, width).view(1, -1, 2)).view(batch, height, width, 2)
        return F.grid_sample(x, grid, padding_mode="reflection", align_corners=True)

    def jacobians(self, x):
        moved = self.points(x)
        rows = [
            torch.autograd.grad(moved[..., axis].sum(), x, create_graph=True)[0].unsqueeze(-2)
            for axis in range(2)]
        return torch.cat(rows, dim=-2)


class FirstOrderMotion(harness.Recipe):
    batch_size, picture_count, checked_steps, is_signed = 8, 64, 3, False
    pictures = {"video": (2, 3, SIDE, SIDE)}
    is_video, first_samples = True, 4

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.detector, self.generator = Detector(), Generator()
        self.networks = {"detector": self.detector, "generator": self.generator}
        self.reductions = [None if scale == 1 else Reduction(scale) for scale in PYRAMID]
        parameters = [each for network in self.networks.values() for each in network.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=5e-4, betas=(0.5, 0.999))

    def draws(self):
        return {
            "affine": torch.randn(self.batch_size, 2, 3),
            "control": torch.randn(self.batch_size, 1, POINTS**2),
        }

    def pyramid(self, images):
        return [images if reduction is None else reduction(images) for reduction in self.reductions]

    def step(self, video, affine, control):
        source, driving = video[:, 0], video[:, 1]
        warp = Warp(affine, control)
        own, wanted = self.detector(source), self.detector(driving)
        made = self.generator(source, own, wanted)
        loss = RECONSTRUCTION * sum(
            (one - other).abs().mean() for one, other in zip(self.pyramid(made), self.pyramid(driving)))
        points, matrices = self.detector(warp.frames(driving))
        loss = loss + EQUIVARIANCE * (wanted[0] - warp.points(points)).abs().mean()
        product = torch.matmul(torch.inverse(wanted[1]), torch.matmul(warp.jacobians(points), matrices))
        loss = loss + EQUIVARIANCE * (torch.eye(2) - product).abs().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return [loss.item()]

    @torch.no_grad()
    def sample(self, count):
        for network in self.networks.values():
            network.eval()
        source, driving = torch.rand(1, 3, SIDE, SIDE), torch.rand(count, 3, SIDE, SIDE)
        own, initial, made = self.detector(source), None, []
        for start in range(0, count, 8):
            points, matrices = self.detector(driving[start : start + 8])
            if initial is None:
                initial = points[:1], matrices[:1]
            moved = (
                own[0] + points - initial[0],
                torch.matmul(torch.matmul(matrices, torch.inverse(initial[1])), own[1]))
            size = len(points)
            repeated = [each.expand(size, *each.shape[1:]) for each in (source, *own)]
            made.append(self.generator(repeated[0], repeated[1:], moved))
        return torch.cat(made).unsqueeze(0)


if __name__ == "__main__":
    harness.main(FirstOrderMotion)
