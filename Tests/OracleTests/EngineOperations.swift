import Mercer

/// The engine's operation for each `op` of the file.
enum EngineOperations {
    typealias Operation = @Sendable (EngineCase) -> [Tensor]

    static let table: [String: Operation] =
        elementwise
        .merging(reductionsAndIndexing) { a, _ in a }
        .merging(layers) { a, _ in a }
        .merging(images) { a, _ in a }
        .merging(losses) { a, _ in a }
        .merging(algebra) { a, _ in a }

    private static let elementwise: [String: Operation] = [
        "clamp": { [clip($0["x"], min: $0.number("min"), max: $0.number("max"))] },
        "elu": { [elu($0["x"], alpha: $0.number("alpha"))] },
        "erf": { [erf($0["x"])] },
        "exp": { [exp($0["x"])] },
        "gelu_erf": { [gelu($0["x"])] },
        "gelu_tanh": { [geluApproximate($0["x"])] },
        "hardswish": { [hardSwish($0["x"])] },
        "leaky_relu": { [leakyRelu($0["x"], negativeSlope: $0.number("slope"))] },
        "log1p_abs": { [log1p(abs($0["x"]))] },
        "mish": { [mish($0["x"])] },
        "pow3": { [power($0["x"], 3)] },
        "relu": { [relu($0["x"])] },
        "rsqrt": { [rsqrt(square($0["x"]) + 1)] },
        "sigmoid": { [sigmoid($0["x"])] },
        "silu": { [silu($0["x"])] },
        "sin": { [sin($0["x"])] },
        "softplus": { [softplus($0["x"])] },
        "sqrt_abs": { [sqrt(abs($0["x"]) + 0.1)] },
        "tanh": { [tanh($0["x"])] },
        "where_broadcast": { [which($0["_c"], $0["a"], $0["b"])] },
    ]

    /// Operations along an axis have it in their name; tables list them for the first four axes.
    private static let reductionsAndIndexing: [String: Operation] = {
        var table: [String: Operation] = [
            "embedding": { [embedding($0["_i"], $0["w"])] },
            "logsumexp": { [logSumExp($0["x"], axis: $0.integer("axis"))] },
            "mean_axes02": { [$0["x"].mean(axes: [0, 2])] },
            "roll": { [$0["x"].rolled($0.integers("shifts"), axes: $0.integers("axes"))] },
            "softmax": { [softmax($0["x"], axis: $0.integer("axis"))] },
            "strided_slice_flip": { [$0["x"][0..., .stride(from: 1, by: 2), .stride(by: 3)].flipped(axes: [0])] },
        ]
        for axis in 0..<4 {
            table["cumprod_axis\(axis)"] = { [cumprod($0["x"], axis: axis)] }
            table["cumsum_axis\(axis)"] = { [cumsum($0["x"], axis: axis)] }
            table["gather_axis\(axis)"] = { [$0["x"].takeAlong($0["_i"], axis: axis)] }
            table["log_softmax_axis\(axis)"] = { [logSoftmax($0["x"], axis: axis)] }
            table["max_axis\(axis)"] = { [max($0["x"], axis: axis)] }
            table["scatter_add_axis\(axis)"] = { [$0["x"].addingAlong($0["_i"], $0["s"], axis: axis)] }
            table["sort_axis\(axis)"] = { [sorted($0["x"], axis: axis)] }
            table["var_axis\(axis)_unbiased"] = { [variance($0["x"], axis: axis, unbiased: true)] }
            for k in 1..<10 { table["topk\(k)_axis\(axis)"] = { [topK($0["x"], k, axis: axis).values] } }
        }
        return table
    }()

    private static let layers: [String: Operation] = [
        "attention": { [attention($0)] },
        "attention_causal": { [attention($0, causal: true)] },
        "attention_gqa": { [attention($0)] },
        "attention_mask": { [attention($0)] },
        "batch_norm_eval": { batchNorm($0, training: false) },
        "batch_norm_train": { batchNorm($0, training: true) },
        "conv1d": {
            [
                conv1d(
                    $0["x"], $0["w"], bias: $0.tensors["b"], stride: $0.integer("stride"),
                    padding: ConvolutionPadding($0.integer("padding")), dilation: $0.integer("dilation", default: 1),
                    groups: $0.integer("groups"))
            ]
        },
        "conv2d": {
            [
                conv2d(
                    $0["x"], $0["w"], bias: $0.tensors["b"], stride: perAxis($0, "stride"),
                    padding: .symmetric(perAxis($0, "padding")), dilation: perAxis($0, "dilation"),
                    groups: $0.integer("groups"))
            ]
        },
        "conv_transpose2d": {
            [
                convTransposed2d(
                    $0["x"], $0["w"], bias: $0.tensors["b"], stride: perAxis($0, "stride"),
                    padding: perAxis($0, "padding"), outputPadding: perAxis($0, "output_padding"))
            ]
        },
        "group_norm": {
            [groupNorm($0["x"], groups: $0.integer("groups"), weight: $0["w"], bias: $0["b"], eps: $0.number("eps"))]
        },
        "layer_norm": { [layerNorm($0["x"], weight: $0["w"], bias: $0["b"], eps: $0.number("eps"))] },
        "linear": { [linear($0["x"], $0["w"], bias: $0.tensors["b"])] },
        "rms_norm": { [rmsNorm($0["x"], weight: $0["w"], eps: $0.number("eps"))] },
    ]

    private static let images: [String: Operation] = [
        "avg_pool2d": { [averagePool($0)] },
        "avg_pool2d_pad": { [averagePool($0)] },
        "interpolate": {
            let mode = InterpolationMode(rawValue: $0.text("mode"))!
            return [
                interpolate(
                    $0["x"], size: $0.integers("size"), mode: mode, alignCorners: $0.flag("align_corners"),
                    antialias: $0.flag("antialias"))
            ]
        },
        "max_pool2d": {
            [
                maxPool2d(
                    $0["x"], kernel: perAxis($0, "kernel"), stride: perAxis($0, "stride"),
                    padding: perAxis($0, "padding"))
            ]
        },
        "pad": {
            [
                padded(
                    $0["x"],
                    [
                        ($0.integer("top"), $0.integer("bottom")), ($0.integer("left"), $0.integer("right")), (0, 0),
                    ], mode: PaddingMode(rawValue: $0.text("mode"))!)
            ]
        },
        "pixel_shuffle": { [pixelShuffle($0["x"], by: $0.integer("factor"))] },
    ]

    private static let losses: [String: Operation] = [
        "bce_with_logits": { [binaryCrossEntropy(logits: $0["x"], $0["_t"])] },
        "cross_entropy": { [crossEntropy($0["x"], $0["_t"])] },
        "cross_entropy_smooth_ignore": {
            [
                crossEntropy(
                    $0["x"], $0["_t"], labelSmoothing: $0.number("label_smoothing"),
                    ignoreIndex: $0.integer("ignore_index"))
            ]
        },
        "huber": { [huberLoss($0["x"], $0["_t"], delta: $0.number("delta"))] },
        "kl_div_batchmean": {
            [klDivergence($0["x"], $0["_t"], reduction: .sum) / Double($0["x"].shape[0])]
        },
        "l1": { [l1Loss($0["x"], $0["_t"])] },
        "mse": { [mseLoss($0["x"], $0["_t"])] },
        "smooth_l1": { [smoothL1Loss($0["x"], $0["_t"], beta: $0.number("beta"))] },
    ]

    private static let algebra: [String: Operation] = [
        "cholesky_f64": { [try! LinearAlgebra.cholesky($0["x"])] },
        "eigvalsh_f64": { [try! LinearAlgebra.eigvalsh($0["x"])] },
        "einsum": { [einsum($0.text("equation"), $0["a"], $0["b"])] },
        "logdet_f64": { [LinearAlgebra.logDeterminant($0["x"])] },
        "matmul": { [matmul($0["a"], $0["b"])] },
        "rfft_abs": { [abs(rfft($0["x"]))] },
        "solve_f64": { [try! LinearAlgebra.solve($0["a"], $0["b"])] },
        "svdvals_f64": { [try! LinearAlgebra.singularValues($0["x"])] },
    ]

    private static func perAxis(_ given: EngineCase, _ key: String) -> PerAxis {
        let (vertical, horizontal) = given.pair(key)
        return PerAxis([vertical, horizontal])
    }

    private static func attention(_ given: EngineCase, causal: Bool = false) -> Tensor {
        scaledDotProductAttention(
            queries: given["q"], keys: given["k"], values: given["v"], mask: given.tensors["_m"], causal: causal)
    }

    private static func averagePool(_ given: EngineCase) -> Tensor {
        avgPool2d(
            given["x"], kernel: perAxis(given, "kernel"), stride: perAxis(given, "stride"),
            padding: perAxis(given, "padding"), countIncludePad: given.flag("count_include_pad"))
    }

    private static func batchNorm(_ given: EngineCase, training: Bool) -> [Tensor] {
        let result = Mercer.batchNorm(
            given["x"], weight: given["w"], bias: given["b"], runningMean: given["_rm"],
            runningVariance: given["_rv"], training: training,
            momentum: given.number("momentum", default: 0.1), eps: given.number("eps"))
        return training ? [result.output, result.runningMean, result.runningVariance] : [result.output]
    }
}
