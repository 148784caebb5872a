using System.Globalization;
using System.Runtime.CompilerServices;
using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// Follows the events of the cluster for one reader: asks a node, which holds the question until there is
/// something to tell, and goes on with another one if that is lost or late. Nothing is kept but the position:
/// a reader that takes its time finds the rest with the nodes.
/// </summary>
internal sealed class EventWatch(Cluster cluster, WatchOptions options, TimeSpan patience)
{
    private const int PauseMinMs = 20;
    private const int PauseMaxMs = 500;

    private ulong? _position = options.After;
    private Guid _clusterId = options.ClusterId;
    private bool _hasBegun;
    private NodeLink? _asked;
    private NodeLink? _avoid;
    private long? _failingSinceMs;
    private int _pauseMs;

    /// <summary>The events, as they happen, without end.</summary>
    public async IAsyncEnumerable<ClusterEvent> RunAsync(
        [EnumeratorCancellation] CancellationToken cancelled)
    {
        while (true)
        {
            // What happens between two questions is behind the position all the same.
            var waitMs = _hasBegun ? EventsCodec.WaitMs : 0;
            var question = EventsCodec.Ask(_position ?? 0, waitMs, _clusterId);
            (var answer, _asked) = await cluster.AskEventsAsync(
                question, waitMs, _asked, _avoid, cancelled).ConfigureAwait(false);
            cancelled.ThrowIfCancellationRequested();
            if (Take(answer) is not { } told)
            {
                _pauseMs = Math.Clamp(_pauseMs * 2, PauseMinMs, PauseMaxMs);
                await Task.Delay(_pauseMs, cancelled).ConfigureAwait(false);
                continue;
            }

            if (!_hasBegun)
            {
                _hasBegun = true;
                var isFromNow = _position is null;
                _position ??= told.NewestEvent;
                options.Begun?.Invoke(_position.Value);
                if (isFromNow)
                    continue;
            }

            foreach (var one in told.Events)
            {
                _position = one.Position;
                yield return one;
            }
        }
    }

    // Null if another node is to be asked.
    private EventsAnswer? Take(Answer answer)
    {
        EventsAnswer? told = null;
        var why = answer.Reason;
        if (answer.Kind == AnswerKind.Body)
        {
            try
            {
                told = EventsCodec.ReadAnswer(answer.Body.Span);
                why = told.Message;
            }
            catch (FormatException e)
            {
                why = $"{_asked!.Address}: {e.Message}";
            }
        }

        switch (told?.Status)
        {
            case ReplyStatus.Ok:
                (_failingSinceMs, _pauseMs) = (null, 0);
                _clusterId = told.ClusterId == Guid.Empty ? _clusterId : told.ClusterId;
                // One that is late with news is asked again when another has been.
                (_asked, _avoid) = why.Length == 0 ? (_asked, _avoid) : (null, _asked);
                return told;
            case ReplyStatus.ConditionFailed or ReplyStatus.InvalidArgument:
                throw new KvorumException(told.Status, why, RetryAdvice.Never);
            default:
                (_asked, _avoid) = (null, _asked);
                // From the first failure on: a node that went silent has had its time already.
                _failingSinceMs ??= Environment.TickCount64;
                return Environment.TickCount64 - _failingSinceMs < (long)patience.TotalMilliseconds
                    ? null : throw TimeUp(why);
        }
    }

    private KvorumException TimeUp(string why) => new(
        ReplyStatus.Unavailable,
        string.Create(
            CultureInfo.InvariantCulture, $"No node told of events within {patience.TotalSeconds:0.###} s: ")
            + why.TrimEnd('.')
            + (_position is { } position
                ? string.Create(CultureInfo.InvariantCulture, $". Go on behind position {position}.") : "."),
        RetryAdvice.Safe);
}
