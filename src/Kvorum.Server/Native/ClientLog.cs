using System.Net;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Native;

/// <summary>
/// What connections of native clients log: what a client can cause at will is bounded by
/// <see cref="SourceLines"/>.
/// </summary>
internal sealed class ClientLog(ILogger log, SourceLines lines)
{
    /// <summary>The node has ended the connection.</summary>
    public void CutOff(EndPoint? client, string reason)
    {
        if (lines.MayWrite(client, out var note))
            Log.CutOff(log, client, reason + note);
    }

    /// <summary>A fault of the node while it served the client.</summary>
    public void Fault(EndPoint? client, Exception fault)
    {
        if (lines.MayWrite(SourceLines.FaultsOf(client), out _))
            Log.Fault(log, fault, client);
    }

    /// <summary>The client is gone.</summary>
    public void Gone(EndPoint? client, string reason) => Log.Gone(log, client, reason);

    /// <summary>The client's hello has come.</summary>
    public void Greeted(EndPoint? client, string name) => Log.Greeted(log, name, client);
}
