import Foundation

/// What can be wrong with a picture that is to be deblurred, or with its kernel.
public enum DeblurError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case kernelSpelling(String)
    case kernelShape(String, [Int])
    case kernelNotFinite(String)
    case kernelNegative(String, Double)
    case kernelEmpty(String)
    case kernelColour(String)
    case kernelTooLarge(kernel: [Int], picture: [Int])
    case pictureTooSmall(width: Int, height: Int, least: Int)
    case pictureNotFinite
    case referenceSize(found: [Int], expected: [Int])
    case stateMismatch(String, reason: String)
    case checkpoint(String, reason: String)

    public var description: String {
        switch self {
        case .kernelSpelling(let text):
            "'\(text)' is no kernel; disk:RADIUS, motion:LENGTH,ANGLE, gaussian:SIGMA (sizes in pixels, up to 500), or "
                + "the name of a .png or .npy file is expected"
        case .kernelShape(let name, let shape):
            "\(name): an array of shape \(shape) is no kernel; two axes, height and width, are expected"
        case .kernelNotFinite(let name):
            "\(name): the kernel has elements that aren't numbers; weights of 0 or more are expected"
        case .kernelNegative(let name, let value):
            "\(name): the kernel has the negative element \(value); weights of 0 or more are expected"
        case .kernelEmpty(let name): "\(name): all elements of the kernel are 0; at least one must be greater"
        case .kernelColour(let name):
            "\(name): the kernel's colours differ; a grey picture is expected, one weight a pixel"
        case .kernelTooLarge(let kernel, let picture):
            "the kernel of \(kernel[0])x\(kernel[1]) pixels is larger than the picture of \(picture[0])x\(picture[1])"
        case .pictureTooSmall(let width, let height, let least):
            "the picture has \(width)x\(height) pixels; at least \(least) a side are needed"
        case .pictureNotFinite: "the picture has samples that aren't numbers"
        case .referenceSize(let found, let expected):
            "the reference has \(found[0])x\(found[1]) pixels; \(expected[0])x\(expected[1]) as the picture are expected"
        case .stateMismatch(let path, let reason):
            "\(path): this state belongs to another job (\(reason)); remove it, or name another one by --state"
        case .checkpoint(let path, let reason):
            "\(path): this checkpoint doesn't fit the residual network: \(reason)"
        }
    }

    public var errorDescription: String? { description }
}
