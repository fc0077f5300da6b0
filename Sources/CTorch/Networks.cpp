// Products, convolutions, norms, resampling, recurrence and losses.
#include "Libtorch.h"

#include "include/CTNetworks.h"

#include <array>

#include "Support.h"

#include <ATen/Functions.h>

using namespace ctorch;

namespace {

using OptionalTensor = std::optional<at::Tensor>;

// The engine's instance norm copies the input into another layout, and with one example its gradient is wrong
// where the incoming gradient is channels-last (libtorch 2.13). These kernels keep the layout and give the
// same numbers: the instance norm of one example is its batch norm, and otherwise group norm with one channel
// per group. A trace keeps the engine's operation, which is valid for any batch size.
at::Tensor instanceNorm(const at::Tensor &x, const OptionalTensor &weight, const OptionalTensor &bias,
                        const OptionalTensor &runningMean, const OptionalTensor &runningVariance,
                        bool useInputStatistics, double momentum, double epsilon) {
  const bool isPlain = useInputStatistics && !runningMean;
  if (ctorch::isTracing() || x.dim() != 4 || !useInputStatistics || (!isPlain && x.size(0) != 1))
    return at::instance_norm(x, weight, bias, runningMean, runningVariance, useInputStatistics, momentum, epsilon, true);
  const bool hasChannelsLast = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  const auto batchNorm = [&](const at::Tensor &one) {
    return at::batch_norm(one, weight, bias, runningMean, runningVariance, true, momentum, epsilon, true);
  };
  if (x.size(0) == 1 && (hasChannelsLast || !isPlain)) return batchNorm(x);
  const auto groupNorm = [&](const at::Tensor &all) { return at::group_norm(all, x.size(1), weight, bias, epsilon, true); };
  if (!hasChannelsLast) return groupNorm(x);
  // Small maps are cheaper to copy than to process one by one.
  if (x.numel() < x.size(0) * (int64_t{1} << 14))
    return groupNorm(x.contiguous()).contiguous(at::MemoryFormat::ChannelsLast);
  std::vector<at::Tensor> examples;
  for (const auto &one : x.split(1)) examples.push_back(batchNorm(one));
  return at::cat(examples);
}

}  // namespace

extern "C" {

CTTensor *CTLinear(const CTTensor *x, const CTTensor *weight, const CTTensor *bias) {
  return guard([&] { return own(at::linear(x->value, weight->value, optional(bias))); });
}

CTTensor *CTConvolution(const CTTensor *x, const CTTensor *weight, const CTTensor *bias, int32_t spatial,
                        const int64_t *stride, const int64_t *padding, const int64_t *dilation, bool transposed,
                        const int64_t *outputPadding, int64_t groups) {
  return guard([&] {
    TORCH_CHECK(x->value.dim() == spatial + 2, "a convolution over ", spatial, " dimensions needs an input of rank ",
                spatial + 2);
    const auto bias_ = optional(bias);
    const auto steps = list(stride, spatial), zeros = list(padding, spatial), spread = list(dilation, spatial);
    // By their own names and not as at::convolution, which autocast on processors does not know.
    if (transposed) {
      const auto more = list(outputPadding, spatial);
      switch (spatial) {
        case 1: return own(at::conv_transpose1d(x->value, weight->value, bias_, steps, zeros, more, groups, spread));
        case 2: return own(at::conv_transpose2d(x->value, weight->value, bias_, steps, zeros, more, groups, spread));
        default: return own(at::conv_transpose3d(x->value, weight->value, bias_, steps, zeros, more, groups, spread));
      }
    }
    switch (spatial) {
      case 1: return own(at::conv1d(x->value, weight->value, bias_, steps, zeros, spread, groups));
      case 2: return own(at::conv2d(x->value, weight->value, bias_, steps, zeros, spread, groups));
      default: return own(at::conv3d(x->value, weight->value, bias_, steps, zeros, spread, groups));
    }
  });
}

CTTensor *CTMaxPool2d(const CTTensor *x, const int64_t *kernel, const int64_t *stride, const int64_t *padding) {
  return guard([&] { return own(at::max_pool2d(x->value, list(kernel, 2), list(stride, 2), list(padding, 2))); });
}

CTTensor *CTAveragePool2d(const CTTensor *x, const int64_t *kernel, const int64_t *stride, const int64_t *padding,
                          bool countIncludePad) {
  return guard([&] {
    return own(at::avg_pool2d(x->value, list(kernel, 2), list(stride, 2), list(padding, 2), false, countIncludePad));
  });
}

CTTensor *CTAdaptiveAveragePool2d(const CTTensor *x, int64_t height, int64_t width) {
  return guard([&] { return own(at::adaptive_avg_pool2d(x->value, {height, width})); });
}

CTTensor *CTBatchNorm(const CTTensor *x, const CTTensor *weight, const CTTensor *bias, CTTensor *runningMean,
                      CTTensor *runningVariance, bool training, double momentum, double epsilon) {
  return guard([&] {
    return own(at::batch_norm(x->value, optional(weight), optional(bias), optional(runningMean),
                              optional(runningVariance), training, momentum, epsilon, /*cudnn_enabled=*/true));
  });
}

CTTensor *CTInstanceNorm(const CTTensor *x, const CTTensor *weight, const CTTensor *bias, CTTensor *runningMean,
                         CTTensor *runningVariance, bool useInputStatistics, double momentum, double epsilon) {
  return guard([&] {
    return own(instanceNorm(x->value, optional(weight), optional(bias), optional(runningMean),
                            optional(runningVariance), useInputStatistics, momentum, epsilon));
  });
}

CTTensor *CTLayerNorm(const CTTensor *x, const int64_t *shape, int32_t rank, const CTTensor *weight,
                      const CTTensor *bias, double epsilon) {
  return guard([&] { return own(at::layer_norm(x->value, list(shape, rank), optional(weight), optional(bias), epsilon)); });
}

CTTensor *CTGroupNorm(const CTTensor *x, int64_t groups, const CTTensor *weight, const CTTensor *bias, double epsilon) {
  return guard([&] { return own(at::group_norm(x->value, groups, optional(weight), optional(bias), epsilon, true)); });
}

CTTensor *CTResample2d(const CTTensor *x, int64_t height, int64_t width, int32_t mode, bool alignCorners,
                       bool antialias) {
  return guard([&] {
    const std::vector<int64_t> size = {height, width};
    switch (mode) {
      case 0: return own(at::upsample_nearest2d(x->value, size));
      case 1:
        return own(antialias ? at::_upsample_bilinear2d_aa(x->value, size, alignCorners)
                             : at::upsample_bilinear2d(x->value, size, alignCorners));
      default:
        return own(antialias ? at::_upsample_bicubic2d_aa(x->value, size, alignCorners)
                             : at::upsample_bicubic2d(x->value, size, alignCorners));
    }
  });
}

CTTensor *CTEnlarge2d(const CTTensor *x, int64_t factor, int32_t mode, bool alignCorners) {
  return guard([&] {
    TORCH_CHECK(x->value.dim() == 4, "images are [batch, channels, height, width]");
    const std::array<double, 2> factors = {static_cast<double>(factor), static_cast<double>(factor)};
    switch (mode) {
      case 0: return own(at::upsample_nearest2d(x->value, at::OptionalIntArrayRef(), factors));
      case 1: return own(at::upsample_bilinear2d(x->value, at::OptionalIntArrayRef(), alignCorners, factors));
      default: return own(at::upsample_bicubic2d(x->value, at::OptionalIntArrayRef(), alignCorners, factors));
    }
  });
}

CTTensor *CTGridSample2d(const CTTensor *x, const CTTensor *grid, int32_t padding, bool alignCorners) {
  return guard([&] { return own(at::grid_sampler_2d(x->value, grid->value, 0, padding, alignCorners)); });
}

CTTensor *CTPixelShuffle(const CTTensor *x, int64_t factor) {
  return guard([&] { return own(at::pixel_shuffle(x->value, factor)); });
}

CTTensor *CTPixelUnshuffle(const CTTensor *x, int64_t factor) {
  return guard([&] { return own(at::pixel_unshuffle(x->value, factor)); });
}

CTTensor *CTPRelu(const CTTensor *x, const CTTensor *weight) {
  return guard([&] { return own(at::prelu(x->value, weight->value)); });
}

CTTensor *CTEmbedding(const CTTensor *weight, const CTTensor *indices) {
  return guard([&] { return own(at::embedding(weight->value, indices->value)); });
}

CTTensor *CTAttention(const CTTensor *query, const CTTensor *key, const CTTensor *value, const CTTensor *mask,
                      bool causal) {
  return guard([&] {
    return own(at::scaled_dot_product_attention(query->value, key->value, value->value, optional(mask), 0.0, causal));
  });
}

bool CTRecurrent(int32_t cell, const CTTensor *x, const CTTensor *hidden, const CTTensor *cellState,
                 const CTTensor *inputWeight, const CTTensor *hiddenWeight, const CTTensor *inputBias,
                 const CTTensor *hiddenBias, CTTensor **results) {
  return guard([&] {
    std::vector<at::Tensor> weights = {inputWeight->value, hiddenWeight->value};
    const bool biased = inputBias && hiddenBias;
    if (biased) {
      weights.push_back(inputBias->value);
      weights.push_back(hiddenBias->value);
    }
    // No dropout inside: TorchNN applies it with its own draws.
    const auto plain = [&](auto function) {
      return fill(results, function(x->value, hidden->value, weights, biased, 1, 0.0, at::GradMode::is_enabled(), false, false));
    };
    switch (cell) {
      case 0: return plain([](auto &&...a) { return at::rnn_tanh(a...); });
      case 1: return plain([](auto &&...a) { return at::rnn_relu(a...); });
      case 3: return plain([](auto &&...a) { return at::gru(a...); });
      default: break;
    }
    TORCH_CHECK(cellState, "an LSTM needs a cell state beside the hidden state");
    const auto result = at::lstm(x->value, {hidden->value, cellState->value}, weights, biased, 1, 0.0,
                                 at::GradMode::is_enabled(), false, false);
    fill(results, result);
    results[2] = own(std::get<2>(result));
    return true;
  });
}

CTTensor *CTBinaryCrossEntropy(const CTTensor *probability, const CTTensor *target, int32_t reduction) {
  return guard([&] { return own(at::binary_cross_entropy(probability->value, target->value, {}, reduction)); });
}

CTTensor *CTBinaryCrossEntropyWithLogits(const CTTensor *logits, const CTTensor *target, int32_t reduction) {
  return guard([&] {
    return own(at::binary_cross_entropy_with_logits(logits->value, target->value, {}, {}, reduction));
  });
}

CTTensor *CTNegativeLogLikelihood(const CTTensor *logProbabilities, const CTTensor *target, int32_t reduction,
                                  int64_t ignoredIndex) {
  return guard([&] {
    return own(at::nll_loss_nd(logProbabilities->value, target->value, {}, reduction, ignoredIndex));
  });
}

CTTensor *CTMeanSquaredError(const CTTensor *x, const CTTensor *target, int32_t reduction) {
  return guard([&] { return own(at::mse_loss(x->value, target->value, reduction)); });
}

CTTensor *CTMeanAbsoluteError(const CTTensor *x, const CTTensor *target, int32_t reduction) {
  return guard([&] { return own(at::l1_loss(x->value, target->value, reduction)); });
}

CTTensor *CTSmoothL1(const CTTensor *x, const CTTensor *target, int32_t reduction, double beta) {
  return guard([&] { return own(at::smooth_l1_loss(x->value, target->value, reduction, beta)); });
}

}  // extern "C"
