using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server.Native;

/// <summary>Operators' requests of a native client.</summary>
internal sealed partial class NativeConnection
{
    /// <summary>Administrative requests that may be open at once: people ask one after the other.</summary>
    private const int AdminAsksMax = 16;

    private int _adminAsks;

    private void Administer(NativeFrame frame)
    {
        var (timeoutMs, json) = NativeCodec.ReadRequest(frame.Body);
        lock (_gate)
        {
            if (++_adminAsks > AdminAsksMax)
                throw new FormatException($"More than {AdminAsksMax} administrative requests at once.");
        }

        AdminRequest request;
        try
        {
            request = AdminJson.DecodeRequest(json.Span);
        }
        catch (FormatException e)
        {
            AnswerAdmin(frame.Correlation, AdminReply.Of(ReplyStatus.InvalidArgument, e.Message));
            return;
        }

        // The answer comes on a node loop, which has better things to do than to write JSON.
        _node.Administer(
            request, TimeSpan.FromMilliseconds(Math.Max(1, timeoutMs)),
            reply => ThreadPool.UnsafeQueueUserWorkItem(
                static told => told.connection.AnswerAdmin(told.correlation, told.reply),
                (connection: this, correlation: frame.Correlation, reply), preferLocal: false));
    }

    private void AnswerAdmin(ulong correlation, AdminReply reply)
    {
        var json = AdminJson.Encode(reply);
        lock (_gate)
        {
            _adminAsks--;
            if (_isClosed)
                return;
            Write(NativeFrameKind.AdminReply, correlation, json);
        }

        Flush();
    }
}
