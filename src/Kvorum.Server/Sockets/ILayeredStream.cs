namespace Kvorum.Server.Sockets;

/// <summary>A stream over one that is over a socket.</summary>
internal interface ILayeredStream
{
    /// <summary>The stream over the socket.</summary>
    Stream Under { get; }
}
