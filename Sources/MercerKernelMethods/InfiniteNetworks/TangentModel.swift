import Foundation
import Mercer

/// Which kernel of a network.
public enum TangentKernelKind: String, Sendable, Codable, CaseIterable {
    case ntk, nngp
}

/// A network as a user names it, kept with a model.
public struct NetworkRecipe: Sendable, Codable, Equatable {
    /// A short name, or the text of a JSON spec.
    public let spec: String
    public let activation: String
    public let wStd: Double
    public let bStd: Double

    /// - Parameter spec: a short name or the path of a JSON file, whose text is taken.
    public init(spec: String, activation: String = "relu", wStd: Double = 2.0.squareRoot(), bStd: Double = 0.1) throws {
        if spec.hasSuffix(".json") {
            guard let text = try? String(contentsOfFile: spec, encoding: .utf8) else {
                throw KernelMethodError.file(spec, reason: "it can't be read")
            }
            self.spec = text
        } else {
            self.spec = spec
        }
        (self.activation, self.wStd, self.bStd) = (activation, wStd, bStd)
    }

    /// The network.
    public func network() throws -> InfiniteNetwork {
        if spec.contains("{") { return try InfiniteNetwork(json: Data(spec.utf8), name: "the spec") }
        guard let sigma = KernelActivation(activation) else {
            throw KernelMethodError.option(
                "--activation", found: "'\(activation)'", expected: "one of \(KernelActivation.names)")
        }
        guard wStd >= 0, bStd >= 0, wStd.isFinite, bStd.isFinite else {
            throw KernelMethodError.option(
                "--w-std and --b-std", found: "\(wStd) and \(bStd)", expected: "numbers that aren't negative")
        }
        return try InfiniteNetwork(spec: spec, activation: sigma, wStd: wStd, bStd: bStd)
    }
}

/// Regression or classification of a table's rows by an infinitely wide network, without a training loop.
public struct TangentModel: Sendable {
    public let recipe: NetworkRecipe
    public let record: Record
    let standardizer: Standardizer
    let inputs: Tensor
    let weights: Tensor
    private let network: InfiniteNetwork

    /// What the model was made with and how well it did in cross-validation.
    public struct Record: Sendable, Codable, Equatable {
        public var kernel: TangentKernelKind
        public var columns: [String]
        public var target: String
        /// Class names; empty for regression.
        public var classes: [String]
        /// Height, width, channels; empty for vectors.
        public var shape: [Int]
        public var ridge: Double
        /// Training time; nil for its end.
        public var time: Double?
        public var rate: Double
        /// Of the target, for regression.
        public var mean: Double
        public var deviation: Double
        /// Error of four-fold cross-validation: share of wrong classes, or root mean square in the target's units.
        public var crossValidation: Double?
        /// What standard deviations are multiplied by, so that held-out errors have unit variance.
        public var calibration: Double
        public var largestStableRate: Double
    }

    /// Options of a fit.
    public struct Options: Sendable {
        public var kernel = TangentKernelKind.ntk
        /// Nil: by cross-validation.
        public var ridge: Double? = 1e-6
        /// Nil: to the end.
        public var time: Double?
        public var rate = 1.0
        public var shape: [Int] = []
        /// Whether cross-validation measures errors and calibrates deviations.
        public var calibrates = false
        public var seed: UInt64 = 0

        public init() {}
    }

    /// Fits a column of a table by the others.
    ///
    /// - Parameter isClassification: words always are classes; numbers only where this says so.
    public init(
        _ recipe: NetworkRecipe, _ table: DataTable, target: String, isClassification: Bool? = nil, options: Options
    ) throws {
        let network = try recipe.network()
        let column = try table.column(target)
        let features = try table.dropping(target)
        let raw = try features.matrix()
        try Self.checkFinite(raw, features.columnNames)
        let classifies = isClassification ?? !column.isNumeric
        let standardizer = Standardizer(fitting: raw)
        let shape = try Self.shape(network, options.shape, columns: features.columns.count)
        let x = try Self.prepare(raw, standardizer, shape)
        var (classes, y, mean, deviation): ([String], Tensor, Double, Double) = ([], raw, 0, 1)
        if classifies {
            let (labels, names) = try table.labels(target)
            guard names.count >= 2 else {
                throw KernelMethodError.option("the target \(target)", found: "with one class", expected: "two or more")
            }
            (classes, y) = (names, ClassTargets.encode(labels, classes: names.count))
        } else {
            let values = try table.numbers(target)
            try Self.checkFinite(Tensor(values, [values.count, 1]), [target])
            mean = values.reduce(0, +) / Double(values.count)
            let center = mean
            deviation = (values.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(values.count)).squareRoot()
            if deviation == 0 { throw KernelMethodError.constantColumn(target) }
            let scale = deviation
            y = Tensor(values.map { ($0 - center) / scale }, [values.count, 1])
        }
        let kernels = try network.kernels(x)
        let kernel = options.kernel == .ntk ? kernels.ntk : kernels.nngp
        var (ridge, error, calibration) = (options.ridge ?? 0, Double?.none, 1.0)
        if options.ridge == nil || options.calibrates {
            let search = try RidgeSearch(
                kernel, targets: y, isClassification: classifies,
                ridges: options.ridge.map { [$0] } ?? RidgeSearch.ridges,
                seed: options.seed)
            ridge = search.ridge
            error = classifies ? search.loss : search.loss.squareRoot() * deviation
            if options.calibrates {
                calibration = try Self.calibration(search, kernels.nngp, y)
            }
        }
        let dynamics =
            options.time == nil ? nil : try KernelDynamics(ntk: kernel, targets: y, ridge: ridge, rate: options.rate)
        if let dynamics, let time = options.time {
            // f_t = K(x, X) weights with weights = Θ⁻¹(1 − e^{…}) y: what predict gives for K(x, X) = 1.
            weights = try dynamics.predict(time: time, testKernel: Tensor.eye(y.shape[0], nil, .float64))
        } else {
            weights = try KernelRegression(kernel, targets: y, ridge: ridge).weights
        }
        let largest = try dynamics?.eigenvalues.last ?? LinearAlgebra.eigvalsh(kernel).toArray(Double.self).last!
        self.recipe = recipe
        self.network = network
        self.standardizer = standardizer
        inputs = x
        record = Record(
            kernel: options.kernel, columns: features.columnNames, target: target, classes: classes, shape: shape,
            ridge: ridge, time: options.time, rate: options.rate, mean: mean, deviation: deviation,
            crossValidation: error, calibration: calibration,
            largestStableRate: 2 * Double(y.shape[0] * y.shape[1]) / max(largest, .leastNormalMagnitude))
    }

    private static func checkFinite(_ matrix: Tensor, _ columns: [String]) throws {
        let d = matrix.shape[1]
        let values = matrix.toArray(Double.self)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(row: bad / d + 1, column: columns[bad % d], value: "\(values[bad])")
        }
    }

    private static func shape(_ network: InfiniteNetwork, _ given: [Int], columns: Int) throws -> [Int] {
        guard network.takesPictures else { return [] }
        if given.isEmpty {
            let side = Int(Double(columns).squareRoot().rounded())
            guard side * side == columns else {
                throw KernelMethodError.option(
                    "--shape", found: "missing",
                    expected: "HEIGHTxWIDTHxCHANNELS, since \(columns) columns are no square")
            }
            return [side, side, 1]
        }
        guard given.count == 3, given.allSatisfy({ $0 > 0 }), given.reduce(1, *) == columns else {
            throw KernelMethodError.option(
                "--shape", found: given.map(String.init).joined(separator: "x"),
                expected: "HEIGHTxWIDTHxCHANNELS with \(columns) numbers in all")
        }
        return given
    }

    /// Vectors in units of the training rows' deviations; pictures as they are, over the largest training number.
    private static func prepare(_ raw: Tensor, _ standardizer: Standardizer, _ shape: [Int]) throws -> Tensor {
        guard shape.isEmpty else {
            let d = standardizer.means.count
            let values = raw.toArray(Double.self)
            let means = standardizer.means
            // One scale for all pixels keeps the picture a picture.
            let scale = (standardizer.deviations.reduce(0) { $0 + $1 * $1 } / Double(d)).squareRoot()
            let scaled = values.indices.map { (values[$0] - means[$0 % d]) / max(scale, .leastNormalMagnitude) }
            return Tensor(scaled, [raw.shape[0]] + shape)
        }
        let x = standardizer.apply(raw)
        guard x.shape[1] > 0 else {
            throw KernelMethodError.option(
                "the table", found: "with constant columns only", expected: "one that varies")
        }
        return x
    }

    /// The root of the mean of held-out squared errors over their predicted variances.
    private static func calibration(_ search: RidgeSearch, _ nngp: Tensor, _ y: Tensor) throws -> Double {
        let n = y.shape[0]
        let k = y.shape[1]
        let (values, truth) = (search.predictions.toArray(Double.self), y.toArray(Double.self))
        let diagonal = nngp.diagonal().toArray(Double.self)
        let mean = diagonal.reduce(0, +) / Double(n)
        var sum = 0.0
        for fold in search.folds {
            let held = Set(fold)
            let kept = Tensor((0..<n).filter { !held.contains($0) })
            let columns = nngp.take(kept, axis: 1)
            let process = try KernelRegression(
                columns.take(kept, axis: 0), targets: y.take(kept, axis: 0), ridge: max(search.ridge, 1e-8))
            let variances = process.variances(
                testTrain: columns.take(Tensor(fold), axis: 0), testDiagonal: fold.map { diagonal[$0] })
            for (row, variance) in zip(fold, variances) {
                for c in 0..<k {
                    let error = values[row * k + c] - truth[row * k + c]
                    sum += error * error / (variance + search.ridge * mean)
                }
            }
        }
        return (sum / Double(n * k)).squareRoot()
    }

    // MARK: Prediction

    /// What the model says of rows.
    public struct Prediction: Sendable {
        /// Outputs, `[n, k]`: class scores around 0, or one column in the target's units.
        public let outputs: Tensor
        /// Class numbers; empty for regression.
        public let labels: [Int]
        /// Calibrated standard deviations in the outputs' units, where asked for.
        public let deviations: [Double]
    }

    /// Predicts rows of a table that has the model's columns.
    public func predict(_ table: DataTable, uncertainty: Bool = false) throws -> Prediction {
        let features = try table.selecting(record.columns)
        let raw = try features.matrix()
        try Self.checkFinite(raw, record.columns)
        let x = try Self.prepare(raw, standardizer, record.shape)
        let kernels = try network.kernels(x, inputs)
        let values = matmul(record.kernel == .ntk ? kernels.ntk : kernels.nngp, weights)
        var deviations: [Double] = []
        if uncertainty {
            let own = try network.kernels(inputs).nngp
            let mean = own.diagonal().sum().item(Double.self) / Double(inputs.shape[0])
            let ridge = max(record.ridge, 1e-8)
            let process = try KernelRegression(
                own, targets: Tensor.zeros([inputs.shape[0], 1], .float64), ridge: ridge)
            let variances = process.variances(
                testTrain: kernels.nngp, testDiagonal: try network.diagonals(x).nngp)
            deviations = variances.map {
                ($0 + record.ridge * mean).squareRoot() * record.calibration * record.deviation
            }
        }
        if record.classes.isEmpty {
            return Prediction(
                outputs: values * record.deviation + record.mean, labels: [], deviations: deviations)
        }
        return Prediction(outputs: values, labels: ClassTargets.decode(values), deviations: deviations)
    }

    /// Σ and Θ of the training rows.
    public func trainingKernel() throws -> Tensor {
        let kernels = try network.kernels(inputs)
        return record.kernel == .ntk ? kernels.ntk : kernels.nngp
    }

    // MARK: Files

    static let format = "mercer-tangent-model 1"

    /// Writes the model: training inputs, weights, recipe.
    public func save(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func text(_ value: some Encodable) throws -> String {
            String(decoding: try encoder.encode(value), as: UTF8.self)
        }
        try saveTensors(
            ["inputs": inputs, "weights": weights], to: path,
            metadata: [
                "format": Self.format, "recipe": try text(recipe), "record": try text(record),
                "standardizer": try text(standardizer),
            ])
    }

    /// Reads a model.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` for files that hold something else, ``TensorFileError``.
    public init(contentsOf path: String) throws {
        let file = try Safetensors(contentsOf: path)
        guard file.metadata["format"] == Self.format else {
            throw KernelMethodError.file(path, reason: "it isn't a model of 'mercer kernel ntk --save'")
        }
        func decoded<T: Decodable>(_ key: String, _: T.Type) throws -> T {
            guard let text = file.metadata[key], let value = try? JSONDecoder().decode(T.self, from: Data(text.utf8))
            else { throw KernelMethodError.file(path, reason: "its \(key) can't be read") }
            return value
        }
        recipe = try decoded("recipe", NetworkRecipe.self)
        record = try decoded("record", Record.self)
        standardizer = try decoded("standardizer", Standardizer.self)
        network = try recipe.network()
        inputs = try file.tensor("inputs", copied: true)
        weights = try file.tensor("weights", copied: true)
        let k = max(1, record.classes.count)
        guard inputs.dtype == .float64, weights.dtype == .float64, weights.shape == [inputs.shape.first ?? -1, k],
            standardizer.means.count == record.columns.count,
            inputs.rank == (network.takesPictures ? 4 : 2)
        else { throw KernelMethodError.file(path, reason: "its arrays don't fit each other") }
    }
}
