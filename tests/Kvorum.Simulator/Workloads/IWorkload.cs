using Kvorum.Protocol;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Workloads;

/// <summary>Decides what one client asks for.</summary>
internal interface IWorkload
{
    /// <summary>The next thing to ask.</summary>
    /// <param name="client">Number of the client.</param>
    /// <param name="request">Number of the request among the client's.</param>
    /// <param name="random">The client's.</param>
    Asked Next(int client, ulong request, RandomStream random);

    /// <summary>What came of it; null if that is not known.</summary>
    void Ended(Asked asked, Reply? reply);
}
