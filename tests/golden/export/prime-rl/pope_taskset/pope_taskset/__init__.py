from pope_taskset.taskset import PopeTaskset

__all__ = ["PopeTaskset"]
