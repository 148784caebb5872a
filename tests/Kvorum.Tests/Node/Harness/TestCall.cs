using Kvorum.Node;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;

namespace Kvorum.Tests.Node.Harness;

/// <summary>A call that remembers its answer.</summary>
internal sealed class TestCall(Request request, TimeSpan timeout, ByteShare? replies = null)
    : Call(request, timeout)
{
    public Reply? Reply { get; private set; }

    public override ByteShare? Replies => replies;

    public override void Complete(Reply reply)
    {
        Assert.Null(Reply);
        Reply = reply;
    }
}
