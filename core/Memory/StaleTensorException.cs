namespace Hybrid.Memory;

/// <summary>A tensor was used after the step, or the scope of a layer, that rented its memory had ended.</summary>
public sealed class StaleTensorException() : InvalidOperationException(
    "This tensor belongs to a step, or to a layer's scope in inference, that has ended, or is a gradient that was given back; "
    + "its memory may already hold other numbers. Copy it out with ToPersistent() before the tape is cleared, record the pass with "
    + "Evaluation() in place of Inference(), or set KeepsGradients.");
