using System.ComponentModel;

namespace Kvorum.Node;

/// <summary>What a node's listeners have refused, and what its audit log has got, since the start.</summary>
public sealed record SecurityStatus
{
    /// <summary>
    /// Connections that were closed, because their address had too many that had not shown who they are.
    /// </summary>
    [Description("Connections closed, because their address had too many that had not shown who they are.")]
    public required long StrangersRefused { get; init; }

    /// <summary>
    /// Connections and logins that were refused: no certificate, or one that is not believed.
    /// </summary>
    [Description("Connections refused, such as those without a certificate that is believed.")]
    public required long LoginsFailed { get; init; }

    /// <summary>Logins that had to wait, because those before from the same address had failed.</summary>
    [Description("Logins that had to wait, because those before from the same address had failed.")]
    public required long LoginsDelayed { get; init; }

    /// <summary>Requests that were refused for lack of rights.</summary>
    [Description("Requests that were refused for lack of rights.")]
    public required long RequestsRefused { get; init; }

    /// <summary>Connections that were refused, because their user had too many.</summary>
    [Description("Connections that were refused, because their user had too many.")]
    public required long UserConnectionsRefused { get; init; }

    /// <summary>Requests that were refused, because their user had too many under way.</summary>
    [Description("Requests that were refused, because their user had too many under way.")]
    public required long UserRequestsRefused { get; init; }

    /// <summary>Large requests and replies that waited, because their user held too much already.</summary>
    [Description("Large requests and replies that waited, because their user held too much already.")]
    public required long UserPiecesDelayed { get; init; }

    /// <summary>Events written to the audit log; null if there is none.</summary>
    [Description("Events written to the audit log; absent if there is none.")]
    public long? AuditEvents { get; init; }

    /// <summary>Events that the audit log has lost; null if there is none.</summary>
    [Description("Events that the audit log has lost; absent if there is none.")]
    public long? AuditEventsLost { get; init; }
}
