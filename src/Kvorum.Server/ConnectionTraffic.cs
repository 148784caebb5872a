using Kvorum.Node.Budgets;
using Microsoft.AspNetCore.Connections;

namespace Kvorum.Server;

/// <summary>
/// A web server's connection's shares of the node's <see cref="TrafficRoom"/>: a feature of the connection,
/// and so of its requests.
/// </summary>
internal sealed class ConnectionTraffic : IDisposable
{
    private ConnectionTraffic(ConnectionContext connection, TrafficRoom traffic)
    {
        Replies = traffic.Replies.Open(() => connection.Abort(new(
            "other replies wait for room, and the client takes too little of those that wait for it")));
        Requests = traffic.Requests.Open();
        Begun = traffic.Begun.Open();
    }

    /// <summary>What its replies hold.</summary>
    public ByteShare Replies { get; }

    /// <summary>What its requests hold.</summary>
    public ByteShare Requests { get; }

    /// <summary>What has come of requests that wait to be admitted.</summary>
    public ByteShare Begun { get; }

    /// <summary>The shares of a connection, to be closed with it.</summary>
    public static ConnectionTraffic Open(ConnectionContext connection, TrafficRoom traffic)
    {
        var shares = new ConnectionTraffic(connection, traffic);
        connection.Features.Set(shares);
        return shares;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Replies.Dispose();
        Requests.Dispose();
        Begun.Dispose();
    }
}
