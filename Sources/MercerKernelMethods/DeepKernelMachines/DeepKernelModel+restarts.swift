import Foundation
import Mercer
import MercerNN

extension DeepKernelModel {
    /// The model of the highest objective of several trainings, with the settings' seed and those after it: other inducing
    /// points, batches and samples.
    ///
    /// - Parameters:
    ///   - restarts: how many; one is the training of the settings.
    ///   - checkpoints: where states are kept; those of several trainings in a folder `seed-N` each.
    ///   - progress: called with the steps of all trainings so far, and the objective.
    /// - Throws: as a training does; a training that diverges is passed over where another doesn't.
    public static func best(
        of restarts: Int, fitting rows: Tensor, targets: Targets, columns: [String]? = nil,
        _ settings: DeepKernelSettings, checkpoints: Checkpoints? = nil,
        progress: (Int, Double) throws -> Void = { _, _ in }
    ) throws -> DeepKernelModel {
        precondition(restarts >= 1, "DeepKernelModel: the best of \(restarts) trainings")
        var best: DeepKernelModel?
        var failure: DeepKernelError?
        for restart in 0..<restarts {
            var one = settings
            one.seed = settings.seed &+ UInt64(restart)
            let own = checkpoints.map {
                restarts == 1 ? $0 : Checkpoints($0.folder.appending(path: "seed-\(one.seed)"), keep: $0.keep)
            }
            do {
                let model = try DeepKernelModel(
                    fitting: rows, targets: targets, columns: columns, one, checkpoints: own
                ) { step, value in try progress(restart * settings.steps + step, value) }
                if best == nil || model.objective > best!.objective { best = model }
            } catch let error as DeepKernelError {
                failure = error
            }
        }
        guard let best else { throw failure! }
        return best
    }
}
