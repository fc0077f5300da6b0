"""What the recipes share: their arguments, their inputs, and how they are timed.

    RECIPE.py --export DIR             write initial weights and inputs, print the first losses
    RECIPE.py --weights DIR --steps N  time N steps from those weights
    RECIPE.py --first-sample           draw from random weights, and end
    RECIPE.py --latency SIZE ...       time the generation of one image of SIZE x SIZE, or of SIZE tokens, seconds or frames
    RECIPE.py --weights DIR --translate BEAMS ...   time translations with those weights

Every form prints one line of JSON. The first steps are there to be compared: they take the images in
stored order and the recorded draws, without dropout. The timed steps have dropout, on batches gathered
by a random permutation.

`--export` also repeats the first steps in float64. Adam turns the sign of a gradient near zero into a
full step, so the rounding of float32 grows from step to step; how far PyTorch's own float32 strays
from float64 tells how far any correct float32 program may.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import torch

SEED = 20260101
LATENCY_WARMUP, LATENCY_REPEATS = 1, 5
# Of sentences: the tokens that are no text, the shortest one, and how many are translated at a time and how often.
PADDING, START, END = 1, 2, 3
SHORTEST, TRANSLATED, TRANSLATION_REPEATS = 8, 32, 3


class Recipe:
    """What a recipe declares, beside its networks and its step; these are the usual values."""

    batch_size = 64
    # The image fields of a batch and their shapes, in the order in which a step takes them.
    pictures = {"image": (3, 64, 64)}
    # The label maps of a batch: classes, of a video its frames, height and width; a step takes them behind the images.
    label_maps = {}
    # The tokens of a batch: vocabulary and length; a step takes them behind the maps.
    tokens = {}
    # The sentences of a batch: vocabulary and padded length; a step takes them behind the tokens.
    sentences = {}
    # The sounds of a batch and their samples; a step takes them behind the sentences, [batch, 1, samples].
    sounds = {}
    # Other float fields of a batch in 0...1 and their shapes, and whole numbers below a limit; a step takes them last.
    arrays = {}
    numbers = {}
    # Whether a sample is a video of so many frames.
    is_video = False
    # Whether networks see images in -1...1 or in 0...1.
    is_signed = True
    # How many images lie in memory.
    picture_count = 2048
    # Classes, and the length of a latent vector; 0: a step takes none.
    classes = 0
    latent_size = 0
    # Images that all steps share, and their shapes; `prepare` is given them once.
    shared = {}
    # Latents and labels that a step draws; 0: one per image.
    drawn_rows = 0
    # Steps whose losses are compared, and what the sides of their images are divided by: large
    # convolutions in float64 would take longer than the race.
    checked_steps = 5
    checked_part = 1
    # What a first sample is: so many of what the recipe makes.
    first_samples = 16
    # How much larger than its source an output is.
    scale = 1

    def prepare(self, **shared):
        """Takes the images that all steps share."""

    def draws(self):
        """What one step draws, by the names under which Atelier's step asks for it, in a step's order."""
        if not self.latent_size:
            return {}
        rows = self.drawn_rows or self.batch_size
        return {
            "latent": torch.randn(rows, self.latent_size),
            "fakeLabel": torch.randint(0, self.classes, (rows,)),
        }


def as_floats(recipe, picture):
    picture = picture.to(torch.get_default_dtype())
    return picture / 127.5 - 1 if recipe.is_signed else picture / 255


def gathered(recipe, inputs, index, part=1):
    """The arguments of a step for some rows: float images or a corner of them, then maps, then labels."""
    pictures = [inputs[name][index] for name in recipe.pictures]
    if part > 1:
        pictures = [each[..., : each.shape[-2] // part, : each.shape[-1] // part] for each in pictures]
    chosen = [as_floats(recipe, each) for each in pictures]
    chosen += [inputs[name][index].long() for name in recipe.label_maps]
    chosen += [inputs[name][index] for name in (*recipe.tokens, *recipe.sentences)]
    chosen += [inputs[name][index].to(torch.get_default_dtype()) for name in recipe.sounds]
    chosen += [inputs[name][index].to(torch.get_default_dtype()) for name in recipe.arrays]
    chosen += [inputs[name][index] for name in recipe.numbers]
    return chosen + ([inputs["label"][index]] if recipe.classes else [])


def prepare(recipe, inputs):
    """Gives a recipe the images that all its steps share."""
    recipe.prepare(**{name: as_floats(recipe, inputs[name]) for name in recipe.shared})


def batches(recipe, inputs):
    """Endless batches, a new order every epoch."""
    while True:
        order = torch.randperm(recipe.picture_count)
        for start in range(0, recipe.picture_count - recipe.batch_size + 1, recipe.batch_size):
            yield gathered(recipe, inputs, order[start : start + recipe.batch_size])


def make_inputs(recipe):
    """Random images, labels and draws: speed does not depend on what the images show."""
    inputs = {
        name: torch.randint(0, 256, (recipe.picture_count, *shape), dtype=torch.uint8)
        for name, shape in recipe.pictures.items()
    }
    for name, shape in recipe.shared.items():
        inputs[name] = torch.randint(0, 256, (1, *shape), dtype=torch.uint8)
    inputs["checkedSteps"] = torch.tensor(recipe.checked_steps)
    inputs["checkedPart"] = torch.tensor(recipe.checked_part)
    if recipe.classes:
        inputs["label"] = torch.randint(0, recipe.classes, (recipe.picture_count,))
    for name, (classes, *frames, height, width) in recipe.label_maps.items():
        # Squares of a sixteenth of the image: a class has regions.
        squares = torch.randint(0, classes, (recipe.picture_count, *frames, 16, 16), dtype=torch.uint8)
        inputs[name] = squares.repeat_interleave(height // 16, -2).repeat_interleave(width // 16, -1)
    for name, (vocabulary, length) in recipe.tokens.items():
        inputs[name] = torch.randint(0, vocabulary, (recipe.picture_count, length))
    for name, (vocabulary, length) in recipe.sentences.items():
        inputs[name] = make_sentences(recipe.picture_count, vocabulary, length)
    for name, samples in recipe.sounds.items():
        inputs[name] = torch.randn(recipe.picture_count, 1, samples) * 0.1
    for name, shape in recipe.arrays.items():
        inputs[name] = torch.rand(recipe.picture_count, *shape)
    for name, limit in recipe.numbers.items():
        inputs[name] = torch.randint(0, limit, (recipe.picture_count,))
    steps = [recipe.draws() for _ in range(recipe.checked_steps)]
    for name in steps[0]:
        inputs[f"draws.{name}"] = torch.stack([step[name] for step in steps])
    return inputs


def make_sentences(count, vocabulary, length):
    """Random sentences with a start and an end, of SHORTEST to `length` tokens, padded to `length`."""
    lengths = torch.randint(SHORTEST, length + 1, (count, 1))
    places = torch.arange(length).expand(count, length)
    sentences = torch.randint(END + 1, vocabulary, (count, length))
    sentences[:, 0] = START
    sentences[places == lengths - 1] = END
    sentences[places >= lengths] = PADDING
    return sentences


def token_counts(recipe, inputs):
    """The tokens of sentences, without padding, that each of the first steps sees."""
    rows = sum((inputs[name] != PADDING).sum(1) for name in recipe.sentences)
    return [
        rows[step * recipe.batch_size : (step + 1) * recipe.batch_size].sum().item()
        for step in range(recipe.checked_steps)
    ]


def mean_token_count(recipe, inputs):
    """The same of a batch in the mean of all."""
    return sum((inputs[name] != PADDING).sum().item() for name in recipe.sentences) * (
        recipe.batch_size / recipe.picture_count)


def load_weights(recipe, folder):
    for name, network in recipe.networks.items():
        network.load_state_dict(torch.load(folder / f"{name}.pth", weights_only=True))


def first_losses(recipe, inputs):
    """The losses of the first steps on fixed batches and draws."""
    losses = []
    prepare(recipe, inputs)
    for step in range(recipe.checked_steps):
        chosen = slice(step * recipe.batch_size, (step + 1) * recipe.batch_size)
        arguments = gathered(recipe, inputs, chosen, recipe.checked_part)
        draws = [inputs[f"draws.{name}"][step] for name in recipe.draws()]
        draws = [draw.to(arguments[0].dtype) if draw.is_floating_point() else draw for draw in draws]
        losses.append(recipe.step(*arguments, *draws))
    return losses


def exact_losses(make_recipe, inputs, folder):
    """The losses of the first steps in float64, from the same weights."""
    torch.set_default_dtype(torch.float64)
    try:
        recipe = make_recipe(dropout=0.0)
        load_weights(recipe, folder)
        return first_losses(recipe, inputs)
    finally:
        torch.set_default_dtype(torch.float32)


def latency(recipe, size):
    """The median milliseconds that the generator takes for one image of a size, or so many tokens, seconds or frames."""
    takes_length = recipe.tokens or recipe.sounds or recipe.arrays or recipe.is_video
    if not takes_length:
        channels = next(iter(recipe.pictures.values()))[0]
        picture = torch.rand(1, channels, size // recipe.scale, size // recipe.scale)
        if recipe.is_signed:
            picture = picture * 2 - 1
    times = []
    for _ in range(LATENCY_WARMUP + LATENCY_REPEATS):
        start = time.perf_counter()
        recipe.sample(size) if takes_length else recipe.generate(picture)
        times.append(time.perf_counter() - start)
    return statistics.median(times[LATENCY_WARMUP:]) * 1000


def translations(recipe, inputs, beams):
    """Sentences a second with so many beams, the tokens that were written, and their log-probability."""
    source = inputs["source"][:TRANSLATED]
    times = []
    for _ in range(1 + TRANSLATION_REPEATS):
        start = time.perf_counter()
        found = recipe.translate(source, beams)
        times.append(time.perf_counter() - start)
    return {
        "beams": beams, "sentences_per_second": TRANSLATED / statistics.median(times[1:]),
        "tokens": sum(len(tokens) for tokens, _ in found),
        "log_probability": sum(score for _, score in found),
    }


def peak_memory():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(make_recipe):
    """Runs a recipe; `make_recipe(dropout=…)` builds its networks and optimisers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--export", type=Path, metavar="DIR")
    parser.add_argument("--weights", type=Path, metavar="DIR")
    parser.add_argument("--first-sample", action="store_true")
    parser.add_argument("--latency", type=int, nargs="+", metavar="SIZE")
    parser.add_argument("--translate", type=int, nargs="+", metavar="BEAMS")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(SEED)

    if arguments.first_sample:
        recipe = make_recipe()
        print(json.dumps({"sample": list(recipe.sample(recipe.first_samples).shape)}))
        return

    if arguments.latency:
        recipe = make_recipe()
        print(json.dumps({"milliseconds": [latency(recipe, size) for size in arguments.latency]}))
        return

    if arguments.export:
        arguments.export.mkdir(parents=True, exist_ok=True)
        recipe = make_recipe(dropout=0.0)
        for name, network in recipe.networks.items():
            torch.save(network.state_dict(), arguments.export / f"{name}.pth")
        inputs = make_inputs(recipe)
        torch.save(inputs, arguments.export / "inputs.pth")
        exact = exact_losses(make_recipe, inputs, arguments.export)
        result = {"losses": first_losses(recipe, inputs), "exact_losses": exact}
        if recipe.sentences:
            result |= {
                "tokens": token_counts(recipe, inputs), "tokens_per_step": mean_token_count(recipe, inputs)}
        print(json.dumps(result))
        return

    if not arguments.weights:
        parser.error("one of --export, --weights, --first-sample and --latency is needed")
    inputs = torch.load(arguments.weights / "inputs.pth", weights_only=True)
    recipe = make_recipe()
    load_weights(recipe, arguments.weights)
    if arguments.translate:
        print(json.dumps({
            "translations": [translations(recipe, inputs, beams) for beams in arguments.translate]}))
        return
    prepare(recipe, inputs)
    source = batches(recipe, inputs)
    for _ in range(arguments.warmup):
        recipe.step(*next(source), *recipe.draws().values())
    start = time.perf_counter()
    for _ in range(arguments.steps):
        last = recipe.step(*next(source), *recipe.draws().values())
    seconds = time.perf_counter() - start
    result = {
        "steps_per_second": arguments.steps / seconds,
        "peak_rss_bytes": peak_memory(),
        "last_losses": last,
    }
    print(json.dumps(result))
