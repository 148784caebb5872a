using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The first bytes of a connection, before Kestrel: HTTP/2's preface (RFC 9113, 3.4), all of it, within a
/// time. Kestrel itself would wait for an hour. A client that speaks HTTP/1 is left to Kestrel, which has
/// an answer for it; all others, TLS among them, are closed.
/// </summary>
internal static class ConnectionOpening
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>True if the connection is worth going on with. Takes nothing of what has come.</summary>
    public static async ValueTask<bool> IsServedAsync(ConnectionContext connection, TimeSpan timeout)
    {
        using var patience = new CancellationTokenSource(timeout);
        var input = connection.Transport.Input;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(patience.Token).ConfigureAwait(false);
                var isServed = IsServed(read.Buffer);
                input.AdvanceTo(read.Buffer.Start, isServed is null ? read.Buffer.End : read.Buffer.Start);
                if (isServed is not null || read.IsCompleted)
                    return isServed ?? false;
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            return false;
        }
    }

    /// <summary>Null while it cannot be known.</summary>
    private static bool? IsServed(ReadOnlySequence<byte> begun)
    {
        Span<byte> first = stackalloc byte[Preface.Length];
        first = first[..(int)Math.Min(begun.Length, Preface.Length)];
        begun.Slice(0, first.Length).CopyTo(first);
        if (Preface.StartsWith(first))
            return first.Length == Preface.Length ? true : null;
        return first[0] is >= (byte)'A' and <= (byte)'Z' && begun.PositionOf((byte)'\n') is not null;
    }
}
