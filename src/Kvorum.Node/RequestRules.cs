using System.Diagnostics;
using System.Text;
using Kvorum.Node.State;
using Kvorum.Protocol;

namespace Kvorum.Node;

/// <summary>What a request must keep to. The messages name the value and the bound.</summary>
internal static class RequestRules
{
    /// <summary>Which rule of the keyspace the request breaks; null if none.</summary>
    /// <param name="request">The request.</param>
    /// <param name="keyspace">Its keyspace.</param>
    /// <param name="valueBytesMax">
    /// Bound of a value that this node takes: a setting that a restart changes, while the keyspace remembers
    /// the one it was made with. What is stored beyond it is read all the same.
    /// </param>
    public static string? Broken(Request request, KeyspaceSettings keyspace, int valueBytesMax)
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
