namespace Kvorum.Cli.OwnProcess;

/// <summary>What a thread of this process does when it wakes up and all processors are busy.</summary>
internal enum WakeMode
{
    /// <summary>Takes the place of a thread that has run longer: the least wait (SCHED_OTHER).</summary>
    Interrupt = 0,

    /// <summary>
    /// Waits until another thread pauses: fewer switches, more done by each (SCHED_BATCH).
    /// </summary>
    Queue = 3,
}
