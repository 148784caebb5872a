namespace Kvorum.Protocol;

/// <summary>What a caller may do after a failure.</summary>
public enum RetryAdvice
{
    /// <summary>The same request gets the same answer: change it first.</summary>
    Never,

    /// <summary>The request had no effect: send it again, best after a pause.</summary>
    Safe,

    /// <summary>
    /// The write may have happened, or happen yet: send it again only with the same client id and request id,
    /// or read first.
    /// </summary>
    SameIds,
}
