import Foundation
import Mercer
import Testing

/// Agreement with numbers from independent implementations. `MERCER_ORACLES` names another folder of files of the
/// same scheme; every case found there is checked, and a case that no runner knows is a failure.
@Suite struct OracleTests {
    /// The runners, by the name of their file.
    static let runners: [String: @Sendable (OracleFile) throws -> OracleTally] = [
        "engine": EngineOracle.run,
        "muller": MullerOracle.run,
        "kde-large-d": DensityOracle.run,
        "dp-kde": PrivateOracle.run,
        "dlv-irn": DualLatentOracle.run,
        "iarn": ArbitraryOracle.run,
    ]

    @Test func everyOracleCaseAgrees() throws {
        var total = OracleTally()
        for name in try OracleFile.names() {
            guard let runner = Self.runners[name] else {
                print("oracle file \(name): no runner yet, its paper isn't built")
                continue
            }
            total = total + (try runner(OracleFile(named: name)))
        }
        for failure in total.failures { print("oracle case failed: \(failure)") }
        print(
            "oracle cases: \(total.passed) passed, \(total.failures.count) failed (\(InstructionSet.current))"
        )
        #expect(total.failures.isEmpty)
        #expect(total.passed > 0)
    }
}
