import MercerImage
import MercerKernelMethods
import MercerPapers

extension Gallery {
    /// Every paper that works. A paper is added by one line here.
    static let all = Gallery([
        MullerExperiment(),
        DensityExperiment(),
        PrivateExperiment(),
        DualLatentExperiment(),
        ArbitraryExperiment(),
    ])
}
