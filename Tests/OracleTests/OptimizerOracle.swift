import Foundation
import Mercer
import MercerNN

/// The `optim_*` cases of `engine.safetensors`: the weights after each step of training on a small loss.
enum OptimizerOracle {
    /// What is wrong with a case, or nil where it isn't an optimiser's.
    static func problems(_ given: EngineCase) throws -> [String]? {
        guard given.tensors["trajectory"] != nil else { return nil }
        guard let optimizer = optimizer(given.op, given.dictionary("options")) else {
            return ["no such optimiser: \(given.op)"]
        }
        guard given.text("loss") == "mean((q w)^2)+mean(w^4)" else { return ["no such loss: \(given.text("loss"))"] }
        let model = Weights(given["w0"])
        let step = valueAndGrad(model) { (model: Weights, q: Tensor) in
            square(matmul(q, model.w)).mean() + power(model.w, 4).mean()
        }
        var steps: [Tensor] = []
        for _ in 0..<given.integer("steps") {
            let (_, gradients) = step(model, given["q"])
            optimizer.update(model, gradients)
            steps.append(model.w)
        }
        return [Tolerance.forward.problem("trajectory", stacked(steps), given["trajectory"])].compactMap { $0 }
    }

    private static func optimizer(_ name: String, _ options: [String: Any]) -> Optimizer? {
        func number(_ key: String) -> Double { (options[key] as? NSNumber)?.doubleValue ?? 0 }
        func flag(_ key: String) -> Bool { (options[key] as? Bool) ?? false }
        let betas = (options["betas"] as? [Double]).map { ($0[0], $0[1]) } ?? (0.9, 0.999)
        let (rate, decay, eps) = (number("lr"), number("weight_decay"), number("eps"))
        switch name {
        case "sgd":
            return SGD(
                learningRate: rate, momentum: number("momentum"), dampening: number("dampening"),
                nesterov: flag("nesterov"), weightDecay: decay)
        case "adam":
            return Adam(learningRate: rate, betas: betas, epsilon: eps, weightDecay: decay, amsgrad: flag("amsgrad"))
        case "adamw":
            return AdamW(learningRate: rate, betas: betas, epsilon: eps, weightDecay: decay, amsgrad: flag("amsgrad"))
        case "rmsprop":
            return RMSprop(
                learningRate: rate, alpha: number("alpha"), epsilon: eps, momentum: number("momentum"),
                centered: flag("centered"), weightDecay: decay)
        case "adagrad":
            return Adagrad(learningRate: rate, learningRateDecay: number("lr_decay"), epsilon: eps, weightDecay: decay)
        default: return nil
        }
    }
}

/// A model of one vector.
private final class Weights: Module {
    @ParameterInfo var w: Tensor

    init(_ w: Tensor) { _w = ParameterInfo(Parameter(w)) }
}
