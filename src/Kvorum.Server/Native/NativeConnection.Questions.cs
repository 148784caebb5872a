using System.Buffers;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Tls;

namespace Kvorum.Server.Native;

/// <summary>Who a native client is, and what it asks about the node itself.</summary>
internal sealed partial class NativeConnection
{
    /// <summary>
    /// Questions about the node's state that may be open at once: each costs a walk over all partitions.
    /// </summary>
    private const int StatusAsksMax = 16;

    // As the client may use it. Owned by the reader.
    private INode _node;
    private string? _shown; // A token that is not checked yet. Owned by the reader.
    private int _statusAsks;

    /// <summary>Who is at its other end, by the connection.</summary>
    public ConnectionIdentity Identity => (_stream as TlsStream)?.Identity ?? ConnectionIdentity.Plain;

    // What counts from now on: a token, or the connection alone.
    private void Show(string? token)
    {
        if (_door is not NodeDoor door)
            return;
        if (token is null)
        {
            _node = door.For(Identity, token, _client, _place);
            TakePlace();
            return;
        }

        // Each costs the check of a signature, perhaps: who has guessed once has shown enough.
        if (_node is CallersNode { Caller: Caller.Unknown { By: IdentityMeans.ApiKey or IdentityMeans.Jwt } })
            throw new FormatException("The token before this one was not accepted.");
        _shown = token;
    }

    /// <summary>
    /// A signature may take a tenth of a millisecond, which must not be that of the thread that serves all
    /// sockets. The frames behind the token wait, those of other connections do not.
    /// </summary>
    private async Task CheckShownAsync()
    {
        var (door, token) = ((NodeDoor)_door, _shown);
        _node = await Task.Run(() => door.For(Identity, token, _client, _place)).ConfigureAwait(false);
        _shown = null;
        TakePlace();
    }

    private void Tell(NativeFrame asked)
    {
        try
        {
            if (asked.Kind == NativeFrameKind.MapRequest)
                WriteMap(asked.Correlation);
            else
                AskStatus(asked.Correlation);
        }
        catch (AccessRefusedException refused)
        {
            lock (_gate)
                WriteReply(asked.Correlation, refused.Refusal);
        }
    }

    private void AskStatus(ulong correlation)
    {
        lock (_gate)
        {
            if (_statusAsks >= StatusAsksMax)
                throw new FormatException($"More than {StatusAsksMax} questions about the state at once.");
        }

        if (Enter(out var entered) is { } full)
            throw new AccessRefusedException(full);
        try
        {
            // The answer comes on a node loop, which has better things to do than to write JSON.
            _node.AskStatus(status =>
            {
                entered?.Leave();
                ThreadPool.UnsafeQueueUserWorkItem(
                    static told => told.connection.AnswerStatus(told.correlation, told.status),
                    (connection: this, correlation, status), preferLocal: false);
            });
        }
        catch (AccessRefusedException)
        {
            entered?.Leave();
            throw;
        }

        lock (_gate)
            _statusAsks++;
    }

    private void AnswerStatus(ulong correlation, NodeStatus status)
    {
        var json = NativeStatusJson.Bytes(status);
        lock (_gate)
        {
            _statusAsks--;
            if (_isClosed)
                return;
            Write(NativeFrameKind.StatusReply, correlation, json);
        }

        Flush();
    }

    private void WriteMap(ulong correlation)
    {
        var body = new ArrayBufferWriter<byte>();
        ClusterMapCodec.Encode(_node.Map, body);
        lock (_gate)
            Write(NativeFrameKind.MapReply, correlation, body.WrittenSpan);
    }
}
