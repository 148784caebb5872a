namespace Kvorum.Simulator.World;

/// <summary>Kinds of events in a trace.</summary>
internal enum TraceKind
{
    /// <summary>A process started.</summary>
    Start,

    /// <summary>A process could not start.</summary>
    Refused,

    /// <summary>A process ended.</summary>
    End,

    /// <summary>A replica's role changed.</summary>
    Role,

    /// <summary>A note of a node.</summary>
    Note,

    /// <summary>A fault fired.</summary>
    Fault,

    /// <summary>A fault was mended.</summary>
    Heal,

    /// <summary>A phase of the run began.</summary>
    Phase,

    /// <summary>A connection came or went.</summary>
    Link,

    /// <summary>A frame was delivered.</summary>
    Frame,

    /// <summary>A background job ran.</summary>
    Job,

    /// <summary>A node loop turned.</summary>
    Turn,

    /// <summary>A client asked.</summary>
    Ask,

    /// <summary>A client was answered, or gave up.</summary>
    Answer,

    /// <summary>A node loop takes an event out of its inbox.</summary>
    LoopEvent,
}
