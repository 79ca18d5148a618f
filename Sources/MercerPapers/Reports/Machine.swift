import Foundation
import Mercer

/// The machine and the settings that a run was measured with.
public struct Machine: Codable, Hashable, Sendable {
    /// The processor's name as it tells it.
    public var processor: String
    public var architecture: String
    public var cores: Int
    /// Bytes of memory.
    public var memory: UInt64
    public var system: String
    public var instructionSet: String
    public var threads: Int

    /// This machine, with the instruction set and the threads that are in use now.
    public static var current: Machine {
        Machine(
            processor: processorName(), architecture: architectureName,
            cores: ProcessInfo.processInfo.activeProcessorCount,
            memory: ProcessInfo.processInfo.physicalMemory, system: systemName(),
            instructionSet: InstructionSet.current.description, threads: Parallel.threads)
    }

    #if arch(x86_64)
        private static let architectureName = "x86_64"
    #elseif arch(arm64)
        private static let architectureName = "aarch64"
    #else
        private static let architectureName = "unknown"
    #endif

    private static func processorName() -> String {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        for key in ["model name", "Model", "Hardware", "CPU part"] {
            for line in info.split(separator: "\n") {
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == key else { continue }
                let value = parts[1].trimmingCharacters(in: .whitespaces)
                return key == "CPU part" ? "ARM part \(value)" : value
            }
        }
        return architectureName
    }

    private static func systemName() -> String {
        let release = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
        for line in release.split(separator: "\n") where line.hasPrefix("PRETTY_NAME=") {
            return line.dropFirst("PRETTY_NAME=".count).trimmingCharacters(in: ["\""])
        }
        return ProcessInfo.processInfo.operatingSystemVersionString
    }
}

/// The versions that a report names.
public enum Version {
    /// Mercer's own.
    public static let mercer = "0.1.0"

    /// The Swift compiler that Mercer was built with.
    public static let swift: String = {
        #if compiler(>=6.5)
            "6.5 or later"
        #elseif compiler(>=6.4)
            "6.4"
        #elseif compiler(>=6.3)
            "6.3"
        #elseif compiler(>=6.2)
            "6.2"
        #elseif compiler(>=6.1)
            "6.1"
        #else
            "6.0"
        #endif
    }()
}
