namespace Hybrid.Memory;

/// <summary>A tensor was used after the step that rented its memory had ended.</summary>
public sealed class StaleTensorException() : InvalidOperationException(
    "This tensor belongs to a step that has ended; its memory may already hold other numbers. "
    + "Copy it out with ToPersistent() before the tape is cleared.");
