namespace Kvorum.Simulator.Processes;

/// <summary>What a machine is there for.</summary>
internal enum MachineUse
{
    /// <summary>No node has run on it yet: one may, and ask to join.</summary>
    Spare,

    /// <summary>A node belongs on it, whether it runs or not.</summary>
    InUse,

    /// <summary>Its node is no member any more, and never runs again.</summary>
    Retired,
}
