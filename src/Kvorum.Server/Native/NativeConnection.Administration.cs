using System.Net;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Audit;

namespace Kvorum.Server.Native;

/// <summary>Operators' requests of a native client.</summary>
internal sealed partial class NativeConnection
{
    /// <summary>Administrative requests that may be open at once: people ask one after the other.</summary>
    private const int AdminAsksMax = 16;

    /// <summary>Questions for events that may be held at once.</summary>
    private const int EventAsksMax = 64;

    private int _adminAsks;
    private int _eventAsks;

    private void Administer(NativeFrame frame)
    {
        var (timeoutMs, json) = NativeCodec.ReadRequest(frame.Body);
        AdminRequest? request = null;
        AdminReply? refusal = null;
        try
        {
            request = OperatorOrigin.Of(
                AdminJson.DecodeRequest(json.Span), "native", (_client as IPEndPoint)?.Address);
        }
        catch (FormatException e)
        {
            refusal = AdminReply.Of(ReplyStatus.InvalidArgument, e.Message);
        }

        var isWaiting = request is ShowEvents { WaitMs: > 0 };
        refusal = Admit(isWaiting) ?? refusal;
        UserPlaces? entered = null;
        if (refusal is null && Enter(out entered) is { } full)
            refusal = AdminReply.Of(full.Status, full.Message);
        if (refusal is not null)
        {
            AnswerAdmin(frame.Correlation, isWaiting, refusal);
            return;
        }

        var audit = _options.Audit.Teller(request!, _node, Identity, "native", _client);
        // The answer comes on a node loop, which has better things to do than to write JSON.
        _node.Administer(request!, TimeSpan.FromMilliseconds(Math.Max(1, timeoutMs)), reply =>
        {
            audit?.Invoke(reply);
            entered?.Leave();
            ThreadPool.UnsafeQueueUserWorkItem(
                static told => told.connection.AnswerAdmin(told.correlation, told.isWaiting, told.reply),
                (connection: this, correlation: frame.Correlation, isWaiting, reply), preferLocal: false);
        });
    }

    // Many parts of a program may watch, and those that end leave a question behind until it is answered.
    private AdminReply? Admit(bool isWaiting)
    {
        lock (_gate)
        {
            if (isWaiting)
            {
                return ++_eventAsks <= EventAsksMax ? null : AdminReply.Of(
                    ReplyStatus.Overloaded,
                    $"this connection waits for events {EventAsksMax} times already: ask another node");
            }

            if (++_adminAsks > AdminAsksMax)
                throw new FormatException($"More than {AdminAsksMax} administrative requests at once.");
            return null;
        }
    }

    private void AnswerAdmin(ulong correlation, bool isWaiting, AdminReply reply)
    {
        var json = AdminJson.Encode(reply);
        lock (_gate)
        {
            if (isWaiting)
                _eventAsks--;
            else
                _adminAsks--;
            if (_isClosed)
                return;
            Write(NativeFrameKind.AdminReply, correlation, json);
        }

        Flush();
    }
}
