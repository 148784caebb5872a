using Kvorum.Node.Budgets;
using Kvorum.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kvorum.Server.Http;

/// <summary>
/// What one HTTP request and its reply hold of the connection's shares until the reply has left.
/// </summary>
internal sealed class RequestTraffic : IDisposable
{
    /// <summary>
    /// How often what is JSON is in memory, at most: as bytes, as text of two bytes a letter, and as the
    /// bytes of the value.
    /// </summary>
    public const int JsonCopies = 4;

    private readonly ByteShare _requests;
    private long _admitted;
    private UserPlaces? _entered;

    private RequestTraffic(ConnectionTraffic connection) =>
        (_requests, Replies) = (connection.Requests, new(connection.Replies) { Copies = JsonCopies });

    /// <summary>What the replies hold.</summary>
    public ReplyLease Replies { get; }

    /// <summary>Begins with the request, to be ended with it.</summary>
    public static RequestTraffic Open(HttpContext http)
    {
        var traffic = new RequestTraffic(http.Features.GetRequiredFeature<ConnectionTraffic>());
        http.Features.Set(traffic);
        return traffic;
    }

    /// <summary>It counts for its user from now on, until it ends; null: for nobody.</summary>
    public void Hold(UserPlaces? entered) => _entered = entered;

    /// <summary>
    /// Waits for room for the request's body, before anything of it is read. <see cref="NoRoomException"/> if
    /// there is none in time.
    /// </summary>
    public async ValueTask AdmitAsync(long bytes, TimeSpan timeout, CancellationToken aborted)
    {
        if (_requests.TryTake(bytes))
        {
            _admitted += bytes;
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        patience.CancelAfter(timeout);
        try
        {
            await _requests.TakeAsync(bytes, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!aborted.IsCancellationRequested)
        {
            throw new NoRoomException();
        }

        _admitted += bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Replies.Dispose();
        _requests.Give(_admitted);
        Interlocked.Exchange(ref _entered, null)?.Leave();
    }
}
