using Kvorum.Storage;

namespace Kvorum.Server.Hosting;

/// <summary>
/// One thread per lane, jobs in the order they came. An exception that leaves a job is fatal for the node.
/// </summary>
internal sealed class ThreadJobRunner : IJobRunner, IDisposable
{
    private readonly Lane[] _lanes;

    /// <param name="fatal">Told of what left a job; the lane ends.</param>
    public ThreadJobRunner(Action<string, Exception> fatal) =>
        _lanes = [.. Enum.GetValues<JobLane>().Order().Select(lane => new Lane(lane, fatal))];

    /// <inheritdoc/>
    public void Run(JobLane lane, Action job) => _lanes[(int)lane].Add(job);

    /// <summary>Finishes what is queued and ends the threads.</summary>
    public void Dispose()
    {
        foreach (var lane in _lanes)
            lane.End();
    }

    private sealed class Lane
    {
        // Monitor, not Lock: a waiting lane sleeps on it without spinning, which would steal from the
        // neighbours.
        private readonly object _gate = new();
        private readonly Action<string, Exception> _fatal;
        private readonly Thread _thread;
        private List<Action> _queued = [];
        private bool _isEnding;

        public Lane(JobLane lane, Action<string, Exception> fatal)
        {
            _fatal = fatal;
            _thread = new Thread(Work) { Name = $"kvorum-{lane}", IsBackground = true };
            _thread.Start();
        }

        public void Add(Action job)
        {
            lock (_gate)
            {
                _queued.Add(job);
                if (_queued.Count == 1)
                    Monitor.Pulse(_gate);
            }
        }

        public void End()
        {
            lock (_gate)
            {
                _isEnding = true;
                Monitor.Pulse(_gate);
            }

            _thread.Join();
        }

        private void Work()
        {
            List<Action> taken = [];
            try
            {
                while (Take(ref taken))
                {
                    foreach (var job in taken)
                        job();
                    taken.Clear();
                }
            }
            catch (Exception e)
            {
                _fatal($"background work on thread {Thread.CurrentThread.Name} failed", e);
            }
        }

        private bool Take(ref List<Action> taken)
        {
            lock (_gate)
            {
                while (_queued.Count == 0 && !_isEnding)
                    Monitor.Wait(_gate);
                (taken, _queued) = (_queued, taken);
                return taken.Count > 0;
            }
        }
    }
}
