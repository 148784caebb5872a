namespace Kvorum.Server.Grpc;

/// <summary>
/// Ends a call with a status that the client sees, message and trailers included. Thrown by handlers and by
/// the engine.
/// </summary>
public sealed class GrpcException(GrpcStatus status, string message) : Exception(message)
{
    /// <summary>The status.</summary>
    public GrpcStatus Status { get; } = status;

    /// <summary>Trailers sent beside the status.</summary>
    public GrpcTrailers Trailers { get; init; } = [];
}
