"""Writes the files beside it as pytorch-CycleGAN-and-pix2pix saves its generators, and prints numbers of
their outputs, which stand in TranslationImportTests.swift.

    .venv/bin/python Tests/AtelierModelsTests/Fixtures/make_fixtures.py

The networks are those of Benchmarks/python, very narrow: own code under the authors' names.
"""

import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Benchmarks/python"))

from translation import ResNet, UNet  # noqa: E402


def drawn(network):
    """Wide weights, so that the output depends on all of them."""
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0.0, 0.3)
    return network


def picture():
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(32), torch.arange(32), indexing="ij")
    return ((3 * c + 5 * y + 7 * x) % 17).unsqueeze(0) / 8.0 - 1


def show(name, network):
    with torch.no_grad():  # in training mode, as the authors test
        output = network(picture())
    places = [(0, 0, 0), (1, 5, 9), (2, 31, 31), (0, 16, 3)]
    print(name, [round(output[0, c, y, x].item(), 6) for c, y, x in places], output.double().mean().item())


torch.manual_seed(3)
unet = drawn(UNet(depth=5, width=1))
show("latest_net_G.pth", unet)
for module in unet.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.reset_running_stats()
torch.save(unet.state_dict(), HERE / "latest_net_G.pth")

resnet = drawn(ResNet(blocks=2, width=2))
show("latest_net_G_A.pth", resnet)
# Before version 0.4 instance norms kept statistics that nobody read, and saved them.
for module in resnet.modules():
    if isinstance(module, nn.InstanceNorm2d):
        module.running_mean = torch.randn(module.num_features)
        module.running_var = torch.rand(module.num_features)
state = nn.DataParallel(resnet).state_dict()
torch.save(state, HERE / "latest_net_G_A.pth", _use_new_zipfile_serialization=False)
