using System.Diagnostics;
using System.Text;
using Kvorum.Node.State;
using Kvorum.Protocol;

namespace Kvorum.Node;

/// <summary>What a request must keep to. The messages name the value and the bound.</summary>
internal static class RequestRules
{
    /// <summary>Which rule of the keyspace the call's request breaks; null if none.</summary>
    /// <param name="call">The call.</param>
    /// <param name="keyspace">Its keyspace.</param>
    /// <param name="valueBytesMax">
    /// Bound of a value that this node takes: a setting that a restart changes, while the keyspace remembers
    /// the one it was made with. What is stored beyond it is read all the same.
    /// </param>
    public static string? Broken(Call call, KeyspaceSettings keyspace, int valueBytesMax) =>
        BrokenOfKind(call.Request, keyspace, valueBytesMax)
            ?? BrokenQuorum(call.Request, keyspace, call.BringsVersion);

    private static string? BrokenOfKind(Request request, KeyspaceSettings keyspace, int valueBytesMax)
    {
        switch (request)
        {
            case ScanRequest scan:
                return Broken(scan, keyspace);
            case GetRequest:
                return BrokenKey(request, keyspace);
            case PutRequest put when put.Value.Length > valueBytesMax:
                return BrokenKey(put, keyspace)
                    ?? $"value length {put.Value.Length} exceeds maximum of {valueBytesMax} bytes";
            case PutRequest or DeleteRequest:
                return BrokenKey(request, keyspace) ?? Broken(((WriteRequest)request).ClientId);
            default:
                throw new UnreachableException($"There are no rules for a {request.Kind}.");
        }
    }

    private static string? BrokenQuorum(Request request, KeyspaceSettings keyspace, bool bringsVersion)
    {
        if (request is WriteRequest { Tried: not null, ClientId.Length: 0 })
        {
            return "a version that was tried belongs to a write with a client id: without ids it is a new "
                + "write";
        }

        if (request is WriteRequest { Timestamp: > 0 } timed)
        {
            if (keyspace.Quorum is { AllowsClientTime: false } && !bringsVersion)
            {
                return $"keyspace '{keyspace.Name}' takes no timestamps of clients: its nodes give them. To "
                    + $"allow them: kvorum keyspace alter {keyspace.Name} --client-timestamps";
            }

            if (timed.Tried is not null)
            {
                return "give a timestamp, or the version that was tried: repeated with its timestamp, a "
                    + "write is the same write";
            }
        }

        if (keyspace.Quorum is null)
        {
            return request.Quorum is null
                && request is not (WriteRequest { Tried: not null } or WriteRequest { Timestamp: > 0 }) ? null
                : $"keyspace '{keyspace.Name}' is of mode strong: a majority has each write, and each read "
                    + "sees it. A quorum, a version that was tried, and a timestamp are for keyspaces of "
                    + "mode quorum";
        }

        if (request.Quorum is null)
            return null;
        if (request is ReadRequest { Consistency: ReadConsistency.Stale })
            return "a stale read asks one replica: give the consistency or a quorum, not both";
        return keyspace.Quorum.For(request, keyspace.ReplicationFactor).Fault();
    }

    private static string? BrokenKey(Request request, KeyspaceSettings keyspace)
    {
        var key = request.Key.Length;
        if (key == 0)
            return "key cannot be empty";
        if (key > keyspace.KeyBytesMax)
            return $"key length {key} exceeds maximum of {keyspace.KeyBytesMax} bytes";
        return keyspace.KeyPolicy == "strict" && !IsStrict(request.Key.Span)
            ? "key contains invalid characters: the key policy 'strict' allows letters, digits, '-', '_', '.' and '/'"
            : null;
    }

    private static string? Broken(string clientId)
    {
        if (Utf8Text.Problem("client id", clientId) is { } problem)
            return problem;
        var bytes = Utf8Text.CountOf(clientId);
        return bytes <= Protocol.Limits.ClientIdBytesMax
            ? null
            : $"client id length {bytes} exceeds maximum of {Protocol.Limits.ClientIdBytesMax} bytes";
    }

    // A bound may be one byte longer than a key: the least key behind another is that long.
    private static string? Broken(ScanRequest scan, KeyspaceSettings keyspace)
    {
        var boundBytesMax = keyspace.KeyBytesMax + 1;
        if (Math.Max(scan.Key.Length, scan.End.Length) is var bound && bound > boundBytesMax)
            return $"range bound length {bound} exceeds maximum of {boundBytesMax} bytes";
        if (new KeyRange(scan.Key, scan.End).IsReversed)
            return
                "the range is reversed: its end is before its beginning, which holds for reverse scans too";
        if (scan.PageBytes > Protocol.Limits.ScanPageBytesMax)
            return $"page size {scan.PageBytes} exceeds maximum of {Protocol.Limits.ScanPageBytesMax} bytes";
        if (scan.Token.Length > boundBytesMax + ScanToken.OverheadBytes)
            return
                $"token length {scan.Token.Length} exceeds maximum of "
                + $"{boundBytesMax + ScanToken.OverheadBytes} bytes";
        try
        {
            ScanToken.RangeOf(scan);
            return null;
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    private static bool IsStrict(ReadOnlySpan<byte> key)
    {
        while (!key.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(key, out var rune, out var length) != System.Buffers.OperationStatus.Done)
                return false;
            if (!Rune.IsLetter(rune) && !Rune.IsNumber(rune) && rune.Value is not ('-' or '_' or '.' or '/'))
                return false;
            key = key[length..];
        }

        return true;
    }
}
